//! The port of interrupted calls.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use ledger::{CallId, Fence, Interruptions, LedgerError, OpenCall};

use super::ledger_port::{LedgerPort, unavailable};

#[async_trait]
impl Interruptions for LedgerPort {
    async fn has_items_under_way(&self, connection: ConnectionId) -> Result<bool, LedgerError> {
        self.process.run(self.inner.has_items_under_way(connection), unavailable).await
    }

    async fn note_interrupted(
        &self,
        connection: ConnectionId,
        fence: Fence,
        call: &OpenCall,
        persons: &[Digest],
    ) -> Result<(), LedgerError> {
        self.process.run(self.inner.note_interrupted(connection, fence, call, persons), unavailable).await
    }

    async fn interrupted_calls(&self, connection: ConnectionId) -> Result<Vec<OpenCall>, LedgerError> {
        self.process.run(self.inner.interrupted_calls(connection), unavailable).await
    }

    async fn note_repeated(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[CallId],
    ) -> Result<(), LedgerError> {
        self.process.run(self.inner.note_repeated(connection, fence, calls), unavailable).await
    }
}
