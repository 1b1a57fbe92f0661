//! The data that a graph stores about an affiliate.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::stamp::Moment;
use crate::{Map, Text};

/// The statuses of an affiliate. Source: Refersion REST v2, `/affiliate/status_change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Active.
    Active,
    /// Waits for the merchant's approval.
    Pending,
    /// Rejected by the merchant.
    Denied,
    /// Disabled.
    Disabled,
}

/// One affiliate: a pair of Refersion ids, with the values that Refersion was last sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affiliate {
    /// The numeric id; `None` while a create has no recorded answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The affiliate code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The address that Refersion was last sent, or showed.
    pub address: Digest,
    /// Whether an address change was sent without an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub address_unknown: bool,
    /// The status; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Whether a delete of ours disabled it, or is about to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled_by_us: bool,
    /// Whether it was ACTIVE when a delete of ours disabled it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_active: bool,
    /// Whether it was found in Refersion, not created by us.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
    /// The values that Refersion was sent, by field (`first_name`, …, `custom:123`); `None` if unknown.
    #[serde(rename = "told", default, skip_serializing_if = "Map::is_empty")]
    pub delivered: Map<Text, Option<Text>>,
    /// The values that Refersion showed when it was found, as long as no other ones were sent. They save calls, and are never
    /// emptied, because we did not set them. `None` if no longer known.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub shown: Map<Text, Option<Text>>,
    /// Whether its fields were overwritten after a delete, and nothing has been sent since. Fields that the scrub could not
    /// overwrite are unknown in `delivered`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scrubbed: bool,
    /// Whether Refersion no longer has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// The payee: the user or address whose statements alone set the payout field; `None` until a person is bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payee: Option<Digest>,
    /// Since when a payout field that somebody else stated has been held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Moment>,
    /// The stuck fields, in order: they keep a value that nobody states any more, or that a scrub could not overwrite.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stuck: Vec<Text>,
}

impl Affiliate {
    /// An affiliate of which only the address is known.
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
            delivered: Map::new(),
            shown: Map::new(),
            scrubbed: false,
            gone: false,
            payee: None,
            held_since: None,
            stuck: Vec::new(),
        }
    }
}
