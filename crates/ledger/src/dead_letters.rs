//! The port by which operators understand dead letters.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::groups::Group;
use crate::{EventView, LedgerError};

/// Dead letters by cause, and the events behind them. Engines keep the counts of groups with the dead letters, in the same
/// transactions.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Every group with a dead letter in any state, by key.
    async fn groups(&self, now: Timestamp) -> Result<Vec<Group>, LedgerError>;

    /// Writes the note of a group, or takes it away; `false` if there is no such group. A note that is longer than
    /// [`MAX_NOTE_CHARS`](crate::groups::MAX_NOTE_CHARS) is cut.
    async fn note_group(&self, key: &str, note: Option<&str>, now: Timestamp) -> Result<bool, LedgerError>;

    /// An event by its id; `None` where it was never recorded, or has expired.
    async fn event(&self, event: Uuid) -> Result<Option<EventView>, LedgerError>;
}
