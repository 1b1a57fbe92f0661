//! The reference model: recomputes from the raw events, naively and from scratch, what Refersion should contain.
//!
//! For tests and proofs only. It shares no code with the program that it checks (no reader, no fold, no identity
//! resolution), so an error there appears as a difference here. It uses the simplest algorithm: it collects all
//! statements ([`expect`]) and answers each question by looking at all of them. [`compare()`] then lists how an
//! account differs. It does not know queues, ledgers, calls or retries, nor in which order events were absorbed.
//!
//! Reports contain addresses and values: use it with made-up people only.

mod actual;
mod addresses;
mod broad;
mod calls;
mod compare;
mod event;
mod expected;
mod fields;
mod fold;
mod history;
mod json;
mod junk;
mod outcomes;
mod parse;
mod places;
mod resolution;
mod shared;
mod sources;
mod text;
mod time;
mod tombstones;
mod traits;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use actual::{ActualAffiliate, BadState, affiliates_of};
pub use calls::{LeastCalls, least_calls};
pub use compare::{Difference, compare, left_over};
pub use expected::{Expected, ExpectedAffiliate, Presence};
pub use fields::STANDARD_FIELDS;
pub use outcomes::{OUTCOMES, OutcomeFault, check_outcomes};

/// One accepted event of one connection. Events may come in any order and repeatedly.
#[derive(Debug, Clone, Copy)]
pub struct Accepted<'a> {
    /// The time of acceptance, truncated to the microsecond.
    pub received_at: Timestamp,
    /// The raw event.
    pub json: &'a [u8],
    /// How often an operator has repaired it. Only the version of a message with the greatest number states its traits.
    pub revision: u32,
}

/// The settings of a connection that affect its affiliates.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether a new affiliate needs a usable part of a postal address.
    pub require_address: bool,
    /// Whether new affiliates are ACTIVE; otherwise PENDING.
    pub new_status_active: bool,
    /// The last name of people with a one-word name. If `None`, they wait for a last name.
    pub one_word_last_name: Option<String>,
    /// The custom field id of each mapped trait, in any spelling.
    pub custom_fields: BTreeMap<String, u64>,
    /// The trait with the address for payments, in any spelling.
    pub paypal_trait: Option<String>,
    /// Identifiers that name nobody, beside those that never do.
    pub blocked: BTreeSet<String>,
    /// Maximum number of others that an identifier may be named with; an identifier with more counts for nobody. If `None`,
    /// 100.
    pub shared_after: Option<usize>,
    /// Paths of traits in folded form that are read as a standard field, by Refersion's name of it, `name` or `email`.
    pub mapping: BTreeMap<String, String>,
}

/// Facts that do not follow from the events: the earlier contents of Refersion, and the payees of affiliates.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Addresses, in lower case, of affiliates that existed before and were found.
    pub existed: BTreeSet<String>,
    /// The payee of the affiliate at an address: only its own statements reach the payout field. At an address that is not
    /// here, the payee is the person itself.
    pub payees: BTreeMap<String, Payee>,
}

/// The identifier whose statements reach a payout field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payee {
    /// A userId.
    User(String),
    /// An address without a user, in lower case.
    Address(String),
    /// An anonymousId.
    Anonymous(String),
}

/// Computes what Refersion should contain after all of these events.
pub fn expect<'a>(
    events: impl IntoIterator<Item = Accepted<'a>>,
    settings: &Settings,
    world: &World,
) -> Expected {
    let history = history::gather(events, settings);
    let tombstones = tombstones::tombstones(&history);
    let profiles = fold::profiles(&history, &tombstones);
    let people = resolution::People::new(&history, &tombstones, &profiles, settings, world);
    expected::Model { history: &history, tombstones: &tombstones, profiles: &profiles, settings, world }
        .expected(&people)
}
