//! Outcomes of events: the state, and each numbered outcome.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::AffiliateRef;

/// The state of an event: its outcome, or pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has no outcome yet.
    Pending,
    /// A create sent some of its traits.
    Created,
    /// An edit sent some of its traits.
    Updated,
    /// A delete was carried out.
    Deleted,
    /// Refersion has all its values already, or none of its traits is mapped.
    Unchanged,
    /// Newer values had been stated.
    Superseded,
    /// It is kept, and its person waits.
    Remembered,
    /// It is not for this destination.
    Skipped,
    /// It is not retried until an operator replays it.
    Dead,
}

impl State {
    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Remembered => "remembered",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
        }
    }

    /// The state of a fixed word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Created,
            Self::Updated,
            Self::Deleted,
            Self::Unchanged,
            Self::Superseded,
            Self::Remembered,
            Self::Skipped,
            Self::Dead,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }
}

/// One numbered outcome of an event. Unique by event and number; writing the same one twice changes nothing.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The event.
    pub event: Uuid,
    /// 1 for its first outcome; a later one replaces `dead` or `remembered`.
    pub number: u32,
    /// The state.
    pub state: State,
    /// The reason, as a fixed word or short text without personal data.
    pub reason: Option<String>,
    /// The affiliate concerned.
    pub affiliate: Option<AffiliateRef>,
    /// The time.
    pub at: Timestamp,
}

/// The events that were dead before, and are now remembered for their person.
pub(crate) fn remembered_after_death(outcomes: &[Outcome]) -> Vec<Uuid> {
    let is_later = |outcome: &&Outcome| outcome.state == State::Remembered && outcome.number > 1;
    outcomes.iter().filter(is_later).map(|outcome| outcome.event).collect()
}
