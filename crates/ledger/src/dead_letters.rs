//! The port by which operators analyse and close dead letters.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::groups::Group;
use crate::{AuditEntry, DeadLetterFilter, EventView, LedgerError};

/// The names of acts on dead letters in the audit.
pub(crate) const DISCARDED: &str = "dead_letters_discarded";
pub(crate) const RESTORED: &str = "dead_letters_restored";
pub(crate) const REPLAYED: &str = "dead_letters_replayed";

pub(crate) const EXPIRED: &str = "dead_letters_expired";
/// The reason for discarding a dead letter when the retention of its class has ended.
pub(crate) const RETENTION_ENDED: &str = "its retention has ended";

/// The worker's act of discarding open dead letters when the retention of their class has ended.
pub(crate) fn expiry(at: Timestamp, class: &str) -> Act {
    let reason = Some(RETENTION_ENDED.to_owned());
    Act { at, actor: "worker".to_owned(), selector: format!("class:{class}"), reason }
}

/// The worker's act of deleting open dead letters when their retention has ended.
pub(crate) fn retention_ended(at: Timestamp) -> Act {
    let reason = Some(RETENTION_ENDED.to_owned());
    Act { at, actor: "worker".to_owned(), selector: "state:open".to_owned(), reason }
}

/// An operator's act on dead letters, for the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// The time.
    pub at: Timestamp,
    /// The actor: see [`AuditEntry::actor`].
    pub actor: String,
    /// The selector of the dead letters, without personal data.
    pub selector: String,
    /// The reason.
    pub reason: Option<String>,
}

impl Act {
    /// A line of the audit about some dead letters of a connection. Its subject contains selector and reason as well,
    /// for earlier versions.
    pub(crate) fn line(&self, action: &str, connection: ConnectionId, number: usize) -> AuditEntry {
        let subject = format!("{number} {}", self.subject(number == 1));
        AuditEntry {
            connection: Some(connection),
            selector: Some(self.selector.clone()),
            reason: self.reason.clone(),
            number: u64::try_from(number).ok(),
            ..AuditEntry::new(self.at, &self.actor, action, subject)
        }
    }

    /// The text that follows the number in the subject of such a line.
    pub(crate) fn subject(&self, is_one: bool) -> String {
        let letters = if is_one { "dead letter" } else { "dead letters" };
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{letters} of `{}`{reason}", self.selector)
    }
}

/// Dead letters by cause, their events, and acts that close them. Engines update the counts of groups in the same transactions as the dead
/// letters.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// The number of dead letters that match a filter, without regard to its limit.
    async fn count_dead_letters(&self, filter: &DeadLetterFilter) -> Result<u64, LedgerError>;

    /// Every group with a dead letter in any state, by key.
    async fn groups(&self, now: Timestamp) -> Result<Vec<Group>, LedgerError>;

    /// Stores the note of a group, or removes it; `false` if there is no such group. A note that is longer than
    /// [`MAX_NOTE_CHARS`](crate::groups::MAX_NOTE_CHARS) is cut.
    async fn note_group(&self, key: &str, note: Option<&str>, now: Timestamp) -> Result<bool, LedgerError>;

    /// An event by its id; `None` if it was never recorded, or has expired.
    async fn event(&self, event: Uuid) -> Result<Option<EventView>, LedgerError>;

    /// Discards dead letters that are open, writes the audit, and returns the ids of the discarded ones. Their payloads
    /// are kept until `kept_until`, so that they can be restored; without that time they are deleted at once.
    async fn discard(
        &self,
        ids: &[i64],
        act: &Act,
        kept_until: Option<Timestamp>,
    ) -> Result<Vec<i64>, LedgerError>;

    /// Reopens dead letters that were discarded, if their payloads are kept and their events are still dead. Writes the
    /// audit, and returns the ids of the reopened ones.
    async fn restore(&self, ids: &[i64], act: &Act) -> Result<Vec<i64>, LedgerError>;
}
