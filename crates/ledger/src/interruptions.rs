//! The port of calls that were open when their worker ended, and are sent again.

use std::time::Duration;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;

use crate::{CallId, Fence, LedgerError, OpenCall};

/// How long a call is remembered that is not sent again, because something newer was stated or the connection is paused.
pub(crate) const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Interrupted calls of plans, so that a report says how many calls were repeated.
#[async_trait]
pub trait Interruptions: Send + Sync {
    /// Whether a plan has items of this connection under way: if none has, no open call needs to be remembered.
    async fn has_items_under_way(&self, connection: ConnectionId) -> Result<bool, LedgerError>;

    /// Remembers a call that was left open, if a plan has items under way of one of these persons; fenced. What is remembered
    /// already stays as it is.
    async fn note_interrupted(
        &self,
        connection: ConnectionId,
        fence: Fence,
        call: &OpenCall,
        persons: &[Digest],
    ) -> Result<(), LedgerError>;

    /// The calls that are remembered and whose plans still have dead letters under way that had been so when the call was
    /// interrupted, oldest first.
    async fn interrupted_calls(&self, connection: ConnectionId) -> Result<Vec<OpenCall>, LedgerError>;

    /// They are sent again, and forgotten; fenced. Each is counted once by those of its plans that still have such dead letters
    /// under way: for the others the call repeats nothing.
    async fn note_repeated(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[CallId],
    ) -> Result<(), LedgerError>;
}
