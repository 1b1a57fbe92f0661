//! Audiences of the ledger as one process reaches it.

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use ledger::{
    Audience, AudienceCounts, Audiences, Counting, GraphId, LedgerError, NamedAudience, Rejections,
};

use super::ledger_port::{LedgerPort, unavailable};

#[async_trait]
impl Audiences for LedgerPort {
    async fn audiences_after(&self, after: u64, limit: usize) -> Result<Vec<Audience>, LedgerError> {
        self.process.run(self.inner.audiences_after(after, limit), unavailable).await
    }

    async fn record_audiences(
        &self,
        connection: ConnectionId,
        named: &[NamedAudience],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.process.run(self.inner.record_audiences(connection, named, now), unavailable).await
    }

    async fn audience_counts(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<AudienceCounts>, LedgerError> {
        self.process.run(self.inner.audience_counts(connection), unavailable).await
    }

    async fn counting(&self, connection: ConnectionId) -> Result<Counting, LedgerError> {
        self.process.run(self.inner.counting(connection), unavailable).await
    }

    async fn set_counting(
        &self,
        connection: ConnectionId,
        audience: u64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        self.process.run(self.inner.set_counting(connection, audience, position), unavailable).await
    }

    async fn rejections(&self, connection: ConnectionId) -> Result<Vec<Rejections>, LedgerError> {
        self.process.run(self.inner.rejections(connection), unavailable).await
    }
}
