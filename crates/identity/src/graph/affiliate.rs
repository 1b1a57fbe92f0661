//! What is known of an affiliate.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::stamp::Moment;
use crate::{Map, Text};

/// The statuses of an affiliate. Source: Refersion REST v2, `/affiliate/status_change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Takes part.
    Active,
    /// Waits for the merchant's approval.
    Pending,
    /// Turned down by the merchant.
    Denied,
    /// Switched off.
    Disabled,
}

/// One affiliate: a pair of Refersion ids, with what Refersion was last told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affiliate {
    /// The numeric id; `None` while a create has no recorded answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The affiliate code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The address that Refersion was last told, or showed.
    pub address: Digest,
    /// An address change was sent, and its answer never came.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub address_unknown: bool,
    /// The status; `None` is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// A delete of ours switched it off, or is about to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled_by_us: bool,
    /// It was ACTIVE when a delete of ours switched it off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_active: bool,
    /// Found in Refersion, not made by us.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
    /// What Refersion was told, by field (`first_name`, …, `custom:123`); `None` is not known.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub told: Map<Text, Option<Text>>,
    /// What Refersion showed of it when it was found, as long as we have told nothing else: spares calls, and is never
    /// emptied, since it is not ours. `None` is not known any more.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub shown: Map<Text, Option<Text>>,
    /// After a delete its fields were overwritten, and nothing has been told since. What the scrub could not overwrite is
    /// not known in `told`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scrubbed: bool,
    /// Refersion does not know it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// The user or the address whose own statements alone reach the payout field; `None` until a person is bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payee: Option<Digest>,
    /// Since when a payout field that somebody else stated has been held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Moment>,
    /// The fields that keep a value which nobody states any more, or which a scrub could not overwrite, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stuck: Vec<Text>,
}

impl Affiliate {
    /// An affiliate of which nothing is known but the address.
    #[must_use]
    pub fn at(address: Digest) -> Self {
        Self {
            id: None,
            code: None,
            address,
            address_unknown: false,
            status: None,
            disabled_by_us: false,
            was_active: false,
            found: false,
            told: Map::new(),
            shown: Map::new(),
            scrubbed: false,
            gone: false,
            payee: None,
            held_since: None,
            stuck: Vec::new(),
        }
    }
}
