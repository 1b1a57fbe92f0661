//! What Refersion should hold, recomputed from the raw events, naively and from scratch.
//!
//! For tests and proofs only. It shares no code with what it judges (no reader, no fold, no "Who is who"), so a mistake
//! there shows as a difference here. All is done in the most obvious way: everything that was ever said is gathered
//! ([`expect`]), and each question is answered by looking at all of it. [`compare()`] then tells how an account differs.
//!
//! Reports contain addresses and values: they are for made-up people.

mod actual;
mod broad;
mod calls;
mod compare;
mod event;
mod expected;
mod fold;
mod history;
mod json;
mod outcomes;
mod places;
mod time;
mod tombstones;
mod traits;
mod wanted;
mod who;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use actual::{ActualAffiliate, BadState, affiliates_of};
pub use calls::{LeastCalls, least_calls};
pub use compare::{Difference, compare, left_over};
pub use expected::{Expected, ExpectedAffiliate, Standing};
pub use outcomes::{OUTCOMES, OutcomeFault, check_outcomes};
pub use wanted::STANDARD_FIELDS;

/// One accepted event of one connection. Any order, any repetitions.
#[derive(Debug, Clone, Copy)]
pub struct Accepted<'a> {
    /// When the door accepted it. Finer than a microsecond is cut off.
    pub received_at: Timestamp,
    /// The event as it came.
    pub json: &'a [u8],
}

/// The settings of the connection that decide what becomes of its events.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether a usable part of a postal address is needed for a new affiliate.
    pub require_address: bool,
    /// Whether new affiliates are ACTIVE; PENDING otherwise.
    pub new_status_active: bool,
    /// The last name of people with a one-word name. None: they wait for a last name.
    pub one_word_last_name: Option<String>,
    /// By trait, in any spelling: the id of the custom field that takes it.
    pub custom_fields: BTreeMap<String, u64>,
    /// The trait that holds the address for payments, in any spelling.
    pub paypal_trait: Option<String>,
}

/// What does not follow from the events: what was in Refersion before us, and for whom affiliates were made.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Addresses, in lower case, at which an affiliate was there before us and has been found.
    pub existed: BTreeSet<String>,
    /// Whose own statements alone reach the payout field of the affiliate at an address. An address that is not here has
    /// the person itself.
    pub payees: BTreeMap<String, Payee>,
}

/// The one whose statements reach a payout field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payee {
    /// A userId.
    User(String),
    /// An address without a user, in lower case.
    Address(String),
    /// An anonymousId.
    Anonymous(String),
}

/// What Refersion should hold once all of these events have been told to it.
pub fn expect<'a>(
    events: impl IntoIterator<Item = Accepted<'a>>,
    settings: &Settings,
    world: &World,
) -> Expected {
    let history = history::gather(events);
    let tombstones = tombstones::tombstones(&history);
    let profiles = fold::profiles(&history, &tombstones);
    let people = who::People::new(&history, &tombstones, &profiles, settings, world);
    expected::Told { history: &history, tombstones: &tombstones, profiles: &profiles, settings, world }
        .expected(&people)
}
