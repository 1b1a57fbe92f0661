//! What goes into the calls about affiliates, and what comes out of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AffiliateCode, AffiliateId, Field};

/// At most this many affiliates in one `edit` or `status_change`. Documented for `status_change`; assumed for `edit`,
/// because every sibling operation has this limit.
pub const MAX_BATCH: usize = 50;

/// The status of an affiliate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Earns commissions.
    Active,
    /// Waits for the merchant's approval. Only a create gives it; no call sets it later.
    Pending,
    /// Not admitted.
    Denied,
    /// Stopped; the history stays. The nearest that the API has to a deletion.
    Disabled,
}

impl Status {
    /// The word that the API uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Pending => "PENDING",
            Self::Denied => "DENIED",
            Self::Disabled => "DISABLED",
        }
    }

    /// The status of that word, without regard to case; `None` for any other.
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

/// The status that a new affiliate may begin with.
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

/// What `/affiliate/new` needs to know. The password is made by the client and kept nowhere; custom fields cannot be
/// given here and take an edit afterwards.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAffiliate {
    /// The values; `first_name`, `last_name` and `email` have to be among them, and none of the three may be empty.
    pub fields: BTreeMap<Field, String>,
    /// Always sent, since the API calls it required and optional at once.
    pub status: InitialStatus,
    /// The number of an offer; the account's default offer without it.
    pub offer: Option<u64>,
    /// Whether Refersion greets the new affiliate by mail. Leave it off when a create is tried again.
    pub send_welcome: bool,
    /// A free identifier for the merchant's use, documented as alphanumeric. Left out in a second call if the API refuses
    /// the request and names nothing else.
    pub unique_merchant_id: Option<String>,
}

/// The answer to a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The code of the new affiliate.
    pub code: AffiliateCode,
    /// Its numeric id, if the answer's message names one; otherwise `get` by code tells it.
    pub id: Option<AffiliateId>,
    /// Its referral link, `https://<shop>.refersion.com/c/<code>`; empty if the answer has none.
    pub link: String,
}

/// How to name an affiliate to `/affiliate/get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// By its number.
    Id(AffiliateId),
    /// By its code.
    Code(AffiliateCode),
}

/// One affiliate as `/affiliate/get` shows it. Address, phone and PayPal address are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Affiliate {
    /// Its numeric id.
    pub id: AffiliateId,
    /// Its code: the one that was asked for, else the tail of its link.
    pub code: Option<AffiliateCode>,
    /// Its status.
    pub status: Status,
    /// First name; empty if none is shown.
    pub first_name: String,
    /// Last name; empty if none is shown.
    pub last_name: String,
    /// Company; empty if none is shown.
    pub company: String,
    /// Email address, spelled as Refersion keeps it; empty if none is shown.
    pub email: String,
    /// Label and value of each custom field; the API does not show their ids.
    pub custom_fields: Vec<(String, String)>,
}

/// New values for one affiliate. There has to be at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// Whom it concerns.
    pub id: AffiliateId,
    /// New values of text fields; what is left out stays as it is.
    pub fields: BTreeMap<Field, String>,
    /// New values of custom fields, by the number of the field.
    pub custom_fields: BTreeMap<u64, String>,
}

/// What became of a batch. Each affiliate that was asked for is in exactly one of the sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Refersion says that it changed these.
    pub changed: BTreeSet<AffiliateId>,
    /// Refersion says that it did not change these, or says nothing of them. It gives no reason, and may list here what
    /// already was as wanted: a `get` decides.
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
