//! Options of a simulator: its seed, its accounts, and the behaviour that Refersion's documentation does not specify.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::webhooks::{Deliveries, WebhookTarget};

/// Options of a simulator. There is no `Debug`, because they contain API secrets.
#[derive(Clone, Default)]
pub struct Options {
    /// Determines codes, numeric ids and every fault: the same seed and requests give the same replies.
    pub seed: u64,
    /// Public and secret key of each account. If empty, any well-formed key pair opens an account at first use.
    pub accounts: Vec<(String, String)>,
    /// Number of affiliates that each account has before the first call, as [`crate::ExistingAffiliate::numbered`] describes them.
    pub affiliates: u32,
    /// Labels of the existing custom fields, by numeric id. If empty, every numeric id exists, labelled `Field <id>`.
    pub custom_fields: BTreeMap<u64, String>,
    /// Behaviour that the documentation does not specify.
    pub switches: Switches,
    /// The targets of webhooks, by public key; other accounts post none.
    pub webhooks: BTreeMap<String, WebhookTarget>,
    /// How webhooks are delivered.
    pub deliveries: Deliveries,
}

/// Alternatives where Refersion's documentation specifies nothing or contradicts itself. The default is the most
/// likely or the strictest behaviour; each switch selects the other one.
#[derive(Debug, Clone, Default)]
pub struct Switches {
    /// An unknown field answers `422 {"errors":["Invalid field X"]}` instead of an empty 204.
    pub unknown_field_is_422: bool,
    /// `get` returns the numeric id as a string, as in its schema, instead of an integer, as in its example.
    pub get_id_as_text: bool,
    /// `new` returns no `message`, so that only `get` returns the numeric id.
    pub no_create_message: bool,
    /// The `message` of `new` is `1 affiliate has been created.`, a count instead of the documented sentence.
    pub create_message_counts: bool,
    /// A search without a hit answers 200 with `total` 0 instead of 422.
    pub empty_search_is_200: bool,
    /// `total` of `search` and `list` counts the rows of the page instead of all.
    pub total_is_of_the_page: bool,
    /// A page of `search` has 3 rows instead of 50.
    pub short_pages: bool,
    /// An affiliate that is new, or has a new address, is found by `search` only after this time. Zero: at once.
    pub search_lags: Duration,
    /// `page` and `limit` may also be integers, as some public clients send them, not strings only.
    pub integer_pages: bool,
    /// A `limit` of `list` above 100 is lowered to 100 instead of refused with 422.
    pub list_limit_is_capped: bool,
    /// An empty `country` or `paypal_email` clears the field instead of being refused with 422 as a value that is not
    /// in the list of countries or not a valid address.
    pub empty_values_clear: bool,
    /// The numeric id 0 is refused with 422 in `get`, `edit` and `status_change`, instead of being an unknown
    /// affiliate.
    pub zero_id_is_422: bool,
    /// `unique_merchant_id` accepts letters and digits only, as documented, instead of any text.
    pub alphanumeric_merchant_id: bool,
    /// `state` accepts two or three letters only, as in the description of `edit`, instead of any text.
    pub short_states: bool,
    /// An `edit` item that changes nothing ends in `ids_not_changed` instead of `ids_changed`.
    pub same_values_not_changed: bool,
    /// Every JSON answer begins with a byte order mark.
    pub byte_order_mark: bool,
    /// Every answer is compressed with gzip, if the client accepts that. Over HTTP only: [`crate::Simulator`] itself knows
    /// no encodings.
    pub gzip: bool,
    /// A status change to the present status ends in `ids_not_changed` instead of `ids_changed`.
    pub same_status_not_changed: bool,
    /// Numeric ids of the existing offers. If empty, every numeric id is an offer.
    pub offers: BTreeSet<u64>,
}

impl Switches {
    pub(crate) fn offer_exists(&self, offer: u64) -> bool {
        self.offers.is_empty() || self.offers.contains(&offer)
    }
}
