//! The port of interrupted calls: calls that were open when their worker ended, and are sent again.

use std::time::Duration;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;

use crate::{CallId, Fence, LedgerError, OpenCall};

/// The time for which a call is stored that is not sent again, because a newer value was stated or the connection is paused.
pub(crate) const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Interrupted calls of plans. A report shows how many of them were repeated.
#[async_trait]
pub trait Interruptions: Send + Sync {
    /// Whether a plan has items of this connection under way: if none has, no open call needs to be stored.
    async fn has_items_under_way(&self, connection: ConnectionId) -> Result<bool, LedgerError>;

    /// Stores a call that was left open, if a plan has items under way of one of these persons; fenced. A call that is stored already stays
    /// as it is.
    async fn note_interrupted(
        &self,
        connection: ConnectionId,
        fence: Fence,
        call: &OpenCall,
        persons: &[Digest],
    ) -> Result<(), LedgerError>;

    /// The stored calls of which a plan still has dead letters under way that were under way when the call was interrupted, oldest first.
    async fn interrupted_calls(&self, connection: ConnectionId) -> Result<Vec<OpenCall>, LedgerError>;

    /// Notes that calls are sent again, and deletes them; fenced. Each call is counted once for each of its plans that still has such dead
    /// letters under way: for other plans the call repeats nothing.
    async fn note_repeated(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[CallId],
    ) -> Result<(), LedgerError>;
}
