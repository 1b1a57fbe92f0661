//! What is kept of an event until it comes to rest.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Text;
use crate::digest::Digest;
use crate::fold::EMAIL;
use crate::stamp::Stamp;

/// The lane by which an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What a person just did.
    Live,
    /// Audience syncs, files and rescans.
    Bulk,
}

/// Where a kept event stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// Not ended yet.
    Pending,
    /// Ended: kept, its person waits.
    Remembered,
    /// Ended: nobody will try again until an operator says so.
    Dead,
}

/// The call that told a part of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentBy {
    /// An edit.
    Edit,
    /// The create.
    Create,
}

/// An event that has not come to rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedEvent {
    /// Its id.
    pub event: Uuid,
    /// Where it stands.
    pub standing: EventState,
    /// How many outcomes it has had.
    #[serde(default)]
    pub outcomes: u32,
    /// A delete, else an identify.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete: bool,
    /// The identifier whose profile took its traits (of a delete: the strongest that it named).
    pub identifier: Digest,
    /// The address that it states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Digest>,
    /// The keys of the traits that it said, in order; `email` where it states an address of its own accord.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<Text>,
    /// Its stamp.
    pub stamp: Stamp,
    /// Its lane.
    pub lane: Lane,
    /// The call that told a part of it already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<SentBy>,
    /// Its values that cannot be used, each with its reason, in words for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<Text>,
    /// The key of the trait of whose value it died; `email` for its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_of: Option<Text>,
    /// A delete of a person without stored data when it was folded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmatched: bool,
}

impl TrackedEvent {
    /// Whether it died of this address. Its dead letter stands for all that repeat it.
    pub(crate) fn has_died_of(&self, address: Digest) -> bool {
        let died = self.standing == EventState::Dead && self.died_of == Some(EMAIL);
        died && self.address == Some(address)
    }

    /// Whether it said this.
    #[must_use]
    pub fn has_said(&self, key: &str) -> bool {
        self.says.binary_search_by(|said| said.as_str().cmp(key)).is_ok()
    }
}
