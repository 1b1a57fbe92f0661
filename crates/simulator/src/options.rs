//! What a simulator is started with: its seed, its accounts, and how it answers where Refersion's documentation
//! leaves a choice.

use std::collections::{BTreeMap, BTreeSet};

/// How a simulator begins. There is no `Debug`: it holds API secrets.
#[derive(Clone, Default)]
pub struct Options {
    /// Determines codes, numeric ids, and every fault; the same seed and requests give the same replies.
    pub seed: u64,
    /// Public and secret key of each account. Empty: any well-formed pair opens its account at first use.
    pub accounts: Vec<(String, String)>,
    /// The custom fields that exist, label by numeric id. Empty: every numeric id exists, labelled `Field <id>`.
    pub custom_fields: BTreeMap<u64, String>,
    /// The choices where the documentation is silent.
    pub switches: Switches,
}

/// Where Refersion's documentation is silent or contradicts itself, the default is what we hold most likely or
/// hardest on a client; each switch chooses the other reading.
#[derive(Debug, Clone, Default)]
pub struct Switches {
    /// An unknown field answers `422 {"errors":["Invalid field X"]}` instead of an empty 204.
    pub unknown_field_is_422: bool,
    /// `get` gives the numeric id as a string, as its schema says, instead of an integer, as its example shows.
    pub get_id_as_text: bool,
    /// `new` leaves out `message`, so that only `get` tells the numeric id.
    pub no_create_message: bool,
    /// A search without a hit answers 200 with `total` 0 instead of 422.
    pub empty_search_is_200: bool,
    /// `page` and `limit` may be integers, as some public clients send them, instead of strings alone.
    pub integer_pages: bool,
    /// `unique_merchant_id` takes letters and digits alone, as documented; by default hyphens and the like pass.
    pub alphanumeric_merchant_id: bool,
    /// `state` takes two or three letters alone, as the description of `edit` says; by default any text.
    pub short_states: bool,
    /// A status change to the status that is there already ends in `ids_not_changed` instead of `ids_changed`.
    pub same_status_not_changed: bool,
    /// The offers that exist, by numeric id. Empty: every numeric id is an offer.
    pub offers: BTreeSet<u64>,
}

impl Switches {
    pub(crate) fn offer_exists(&self, offer: u64) -> bool {
        self.offers.is_empty() || self.offers.contains(&offer)
    }
}
