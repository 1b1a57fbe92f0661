//! The outcome of the repair of one dead letter.

use ledger::{DeadLetterView, Stored};
use repair::RepairError;
use serde::Serialize;
use uuid::Uuid;

use super::NotRepaired;

/// How it ended. The words are fixed: scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    /// A new revision is stored.
    Changed,
    /// The event is the same as before.
    Unchanged,
    /// The patch cannot be applied to it, or the result would not be accepted.
    Invalid,
    /// Another operator repaired it meanwhile.
    Conflict,
    /// It cannot be repaired now.
    NotOpen,
    /// It has as many revisions as are kept.
    TooMany,
}

impl Result {
    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::NotOpen => "not_open",
            Self::TooMany => "too_many",
        }
    }
}

impl NotRepaired {
    /// The result of a repair that is refused for this reason.
    #[must_use]
    pub fn result(&self) -> Result {
        match self {
            Self::Refused(RepairError::Unchanged) => Result::Unchanged,
            Self::Refused(_) => Result::Invalid,
            Self::NotOpen | Self::NoPayload => Result::NotOpen,
        }
    }
}

/// The outcome for one dead letter.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The dead letter.
    pub id: i64,
    /// Its event.
    pub event_id: Uuid,
    /// How it ended.
    pub result: Result,
    /// The newest revision, if it is known.
    pub revision: Option<u32>,
    /// Why it was not changed.
    pub reason: Option<String>,
}

impl Outcome {
    pub(super) fn refused(letter: &DeadLetterView, why: &NotRepaired) -> Self {
        let reason = Some(why.to_string());
        Self { id: letter.id, event_id: letter.event, result: why.result(), revision: None, reason }
    }

    /// The outcome of an attempt to store a repair.
    #[must_use]
    pub fn of(letter: &DeadLetterView, stored: Stored) -> Self {
        let (result, revision, reason) = match stored {
            Stored::As(revision) => (Result::Changed, Some(revision), None),
            Stored::Conflict { revision, at, by } => {
                let reason = format!("{by} repaired it at {at}: check revision {revision} first");
                (Result::Conflict, Some(revision), Some(reason))
            }
            Stored::NotOpen => (Result::NotOpen, None, Some("it is not open".to_owned())),
            Stored::TooMany => {
                let reason = format!("it has {} revisions, and no more are kept", ledger::MAX_REVISIONS);
                (Result::TooMany, Some(ledger::MAX_REVISIONS), Some(reason))
            }
        };
        Self { id: letter.id, event_id: letter.event, result, revision, reason }
    }
}
