//! The data that a graph stores about an event until it has a final outcome.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Text;
use crate::digest::Digest;
use crate::fold::EMAIL;
use crate::stamp::Stamp;

/// The lane of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Events that a person has just caused.
    Live,
    /// Audience syncs, files and rescans.
    Bulk,
}

/// The state of an event in a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// It waits for an outcome.
    Pending,
    /// Not sent yet; its person waits.
    Remembered,
    /// Not retried until an operator replays it.
    Dead,
}

/// The call that sent a part of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentBy {
    /// An edit.
    Edit,
    /// The create.
    Create,
}

/// An event without a final outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedEvent {
    /// Its id.
    pub event: Uuid,
    /// Its state.
    pub state: EventState,
    /// Number of its outcomes.
    #[serde(default)]
    pub outcomes: u32,
    /// Whether it is a delete; else it is an identify.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete: bool,
    /// The identifier whose profile got its traits; for a delete, the strongest that it named.
    pub identifier: Digest,
    /// The address that it states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Digest>,
    /// The keys of the traits that it states, in order; `email` if it states an address explicitly.
    #[serde(rename = "says", default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Text>,
    /// Its stamp.
    pub stamp: Stamp,
    /// Its lane.
    pub lane: Lane,
    /// The call that has sent a part of it.
    #[serde(rename = "told_by", default, skip_serializing_if = "Option::is_none")]
    pub sent_by: Option<SentBy>,
    /// Its values that cannot be used, each with its reason, in words for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<Text>,
    /// The key of the trait whose value made it dead; `email` for its address.
    #[serde(rename = "died_of", default, skip_serializing_if = "Option::is_none")]
    pub refused_key: Option<Text>,
    /// Whether it is a delete of a person without stored data when it was folded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmatched: bool,
}

impl TrackedEvent {
    /// Whether it is dead because of this address. Its dead letter stands for all repeats.
    pub(crate) fn is_dead_by_address(&self, address: Digest) -> bool {
        let died = self.state == EventState::Dead && self.refused_key == Some(EMAIL);
        died && self.address == Some(address)
    }

    /// Whether it states this key.
    #[must_use]
    pub fn states(&self, key: &str) -> bool {
        self.keys.binary_search_by(|stated| stated.as_str().cmp(key)).is_ok()
    }
}
