//! The port by which operators understand dead letters.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::groups::Group;
use crate::{Audit, DeadLetterFilter, EventView, LedgerError};

/// What the audit calls acts on dead letters.
pub(crate) const DISCARDED: &str = "dead_letters_discarded";
pub(crate) const RESTORED: &str = "dead_letters_restored";
pub(crate) const REPLAYED: &str = "dead_letters_replayed";

pub(crate) const EXPIRED: &str = "dead_letters_expired";
/// Why a dead letter of a class is discarded whose retention has ended.
pub(crate) const RETENTION_ENDED: &str = "its retention has ended";

/// The line of the audit for dead letters of a class whose retention has ended.
pub(crate) fn expired_line(at: Timestamp, class: &str, number: usize) -> Audit {
    let letters = if number == 1 { "dead letter" } else { "dead letters" };
    let subject = format!("{number} {letters} of `class:{class}`");
    Audit { at, actor: "worker".to_owned(), action: EXPIRED.to_owned(), subject }
}

/// An operator's act on dead letters, as the audit keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// Which dead letters: a selector without anything personal.
    pub selector: String,
    /// Why.
    pub reason: Option<String>,
}

impl Act {
    /// A line of the audit: `12 dead letters of`, the selector, and the reason.
    pub(crate) fn line(&self, action: &str, number: usize) -> Audit {
        let letters = if number == 1 { "dead letter" } else { "dead letters" };
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Audit {
            at: self.at,
            actor: "operator".to_owned(),
            action: action.to_owned(),
            subject: format!("{number} {letters} of `{}`{reason}", self.selector),
        }
    }
}

/// Dead letters by cause, the events behind them, and acts that close them. Engines keep the counts of groups with the dead letters, in the same
/// transactions.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// How many dead letters a filter picks, whatever its limit.
    async fn count_dead_letters(&self, filter: &DeadLetterFilter) -> Result<u64, LedgerError>;

    /// Every group with a dead letter in any state, by key.
    async fn groups(&self, now: Timestamp) -> Result<Vec<Group>, LedgerError>;

    /// Writes the note of a group, or takes it away; `false` if there is no such group. A note that is longer than
    /// [`MAX_NOTE_CHARS`](crate::groups::MAX_NOTE_CHARS) is cut.
    async fn note_group(&self, key: &str, note: Option<&str>, now: Timestamp) -> Result<bool, LedgerError>;

    /// An event by its id; `None` where it was never recorded, or has expired.
    async fn event(&self, event: Uuid) -> Result<Option<EventView>, LedgerError>;

    /// Discards dead letters that are open, and writes the audit; which they were. Their payloads are kept until
    /// `kept_until`, so that they can be restored; without that time they are dropped at once.
    async fn discard(
        &self,
        ids: &[i64],
        act: &Act,
        kept_until: Option<Timestamp>,
    ) -> Result<Vec<i64>, LedgerError>;

    /// Opens dead letters that were discarded, whose payloads are kept and whose events are dead still, and writes the
    /// audit; which they were.
    async fn restore(&self, ids: &[i64], act: &Act) -> Result<Vec<i64>, LedgerError>;

    /// Writes the audit of a replay of these dead letters.
    async fn note_replay(&self, ids: &[i64], act: &Act) -> Result<(), LedgerError>;
}
