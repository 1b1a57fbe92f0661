//! Arguments and results of the calls about affiliates.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AffiliateCode, AffiliateId, Field};

/// Maximum number of affiliates in one `edit` or `status_change`. Documented for `status_change`; assumed for `edit`,
/// because every sibling operation has this limit.
pub const MAX_BATCH: usize = 50;

/// The status of an affiliate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Earns commissions.
    Active,
    /// Waits for the merchant's approval. Set by a create only; no call sets it later.
    Pending,
    /// Rejected by the merchant.
    Denied,
    /// No login and no new commissions; the history stays. The closest to a deletion that the API offers.
    Disabled,
}

impl Status {
    /// The name that the API uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Pending => "PENDING",
            Self::Denied => "DENIED",
            Self::Disabled => "DISABLED",
        }
    }

    /// The status with this name, ignoring case; `None` for any other text.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Pending, Self::Denied, Self::Disabled]
            .into_iter()
            .find(|status| status.name().eq_ignore_ascii_case(name.trim()))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The status of a new affiliate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InitialStatus {
    /// Waits for the merchant's approval: the API's own default.
    #[default]
    Pending,
    /// Earns commissions at once.
    Active,
}

impl From<InitialStatus> for Status {
    fn from(initial: InitialStatus) -> Self {
        match initial {
            InitialStatus::Pending => Self::Pending,
            InitialStatus::Active => Self::Active,
        }
    }
}

/// The arguments of `/affiliate/new`. The client generates the password and does not keep it. The operation takes no
/// custom fields; they need an edit afterwards.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAffiliate {
    /// Field values. `first_name`, `last_name` and `email` are required and must not be empty.
    pub fields: BTreeMap<Field, String>,
    /// Always sent: the API documents it both as required and as having a default.
    pub status: InitialStatus,
    /// Numeric id of the offer; the account's default offer if `None`.
    pub offer: Option<u64>,
    /// Whether Refersion sends the welcome mail. Leave it off when a create is retried.
    pub send_welcome: bool,
    /// An identifier for the merchant's own use, documented as alphanumeric. Left out of a second call if the API
    /// refuses the request and names no other field.
    pub unique_merchant_id: Option<String>,
}

/// The answer to a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The code of the new affiliate.
    pub code: AffiliateCode,
    /// Its numeric id, if the answer's message contains one; otherwise use `get` with the code.
    pub id: Option<AffiliateId>,
    /// Whether it was created only without the merchant's identifier, which had been refused.
    pub merchant_id_refused: bool,
    /// Its referral link, `https://<shop>.refersion.com/c/<code>`; empty if the answer has none.
    pub link: String,
}

/// The identifier by which `/affiliate/get` looks up an affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupBy {
    /// By its numeric id.
    Id(AffiliateId),
    /// By its code.
    Code(AffiliateCode),
}

/// One affiliate as `/affiliate/get` returns it, without postal address, phone and PayPal address, which it never
/// returns.
#[derive(Clone, PartialEq, Eq)]
pub struct Affiliate {
    /// Its numeric id.
    pub id: AffiliateId,
    /// Its code: the one of the lookup, otherwise the last segment of its link.
    pub code: Option<AffiliateCode>,
    /// Its status; `None` if it is not one that is documented.
    pub status: Option<Status>,
    /// First name; empty if the answer has none.
    pub first_name: String,
    /// Last name; empty if the answer has none.
    pub last_name: String,
    /// Company; empty if the answer has none.
    pub company: String,
    /// Email address as Refersion stores it; empty if the answer has none.
    pub email: String,
    /// Label and value of each custom field; the API does not return their ids.
    pub custom_fields: Vec<(String, String)>,
}

/// New values for one affiliate; at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// The affiliate to change.
    pub id: AffiliateId,
    /// New values of text fields; other fields stay unchanged.
    pub fields: BTreeMap<Field, String>,
    /// New values of custom fields, by numeric id.
    pub custom_fields: BTreeMap<u64, String>,
}

/// The result of a batch. Each affiliate of the request is in exactly one of the two sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Affiliates that Refersion reports as changed.
    pub changed: BTreeSet<AffiliateId>,
    /// Affiliates that Refersion reports as not changed or does not mention. It gives no reason, and may include
    /// affiliates that already had the wanted values: use `get` to find out.
    pub not_changed: BTreeSet<AffiliateId>,
}

impl fmt::Debug for NewAffiliate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAffiliate")
            .field("fields", &self.fields.keys())
            .field("status", &self.status)
            .field("offer", &self.offer)
            .field("send_welcome", &self.send_welcome)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Affiliate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Affiliate")
            .field("id", &self.id)
            .field("code", &self.code)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edit")
            .field("id", &self.id)
            .field("fields", &self.fields.keys())
            .field("custom_fields", &self.custom_fields.keys())
            .finish()
    }
}
