//! The port by which operators understand dead letters.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::groups::Group;
use crate::{AuditEntry, DeadLetterFilter, EventView, LedgerError};

/// What the audit calls acts on dead letters.
pub(crate) const DISCARDED: &str = "dead_letters_discarded";
pub(crate) const RESTORED: &str = "dead_letters_restored";
pub(crate) const REPLAYED: &str = "dead_letters_replayed";

pub(crate) const EXPIRED: &str = "dead_letters_expired";
/// Why a dead letter of a class is discarded whose retention has ended.
pub(crate) const RETENTION_ENDED: &str = "its retention has ended";

/// The act of a worker on open dead letters of a class whose retention has ended.
pub(crate) fn expiry(at: Timestamp, class: &str) -> Act {
    let reason = Some(RETENTION_ENDED.to_owned());
    Act { at, actor: "worker".to_owned(), selector: format!("class:{class}"), reason }
}

/// The act of a worker on open dead letters that are kept no longer.
pub(crate) fn retention_ended(at: Timestamp) -> Act {
    let reason = Some(RETENTION_ENDED.to_owned());
    Act { at, actor: "worker".to_owned(), selector: "state:open".to_owned(), reason }
}

/// An operator's act on dead letters, as the audit keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// Who: see [`AuditEntry::actor`].
    pub actor: String,
    /// Which dead letters: a selector without anything personal.
    pub selector: String,
    /// Why.
    pub reason: Option<String>,
}

impl Act {
    /// A line of the audit about some dead letters of a connection. Its subject says selector and reason as well, for
    /// readers of earlier versions.
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

    /// What follows the number in the subject of such a line.
    pub(crate) fn subject(&self, is_one: bool) -> String {
        let letters = if is_one { "dead letter" } else { "dead letters" };
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{letters} of `{}`{reason}", self.selector)
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
}
