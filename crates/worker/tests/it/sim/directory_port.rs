//! The directory of affiliates as one process reaches it.

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use identity::known::Known;
use jiff::Timestamp;
use ledger::{
    Directory, DirectoryState, Drift, Fence, FinishedWalk, LedgerError, ListedAffiliate, Page, Walk,
    WalkRequest,
};

use super::ledger_port::{LedgerPort, unavailable};

#[async_trait]
impl Directory for LedgerPort {
    async fn look_up(&self, connection: ConnectionId, addresses: &[Digest]) -> Result<Known, LedgerError> {
        self.life.take(self.inner.look_up(connection, addresses), unavailable).await
    }

    async fn directory(&self, connection: ConnectionId) -> Result<DirectoryState, LedgerError> {
        self.life.take(self.inner.directory(connection), unavailable).await
    }

    async fn ask_for_walk(&self, connection: ConnectionId, request: WalkRequest) -> Result<(), LedgerError> {
        self.inner.ask_for_walk(connection, request).await
    }

    async fn save_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        walk: &Walk,
    ) -> Result<(), LedgerError> {
        self.life.take(self.inner.save_walk(connection, fence, walk), unavailable).await
    }

    async fn note_page(
        &self,
        connection: ConnectionId,
        fence: Fence,
        page: &Page,
    ) -> Result<Walk, LedgerError> {
        self.life.take(self.inner.note_page(connection, fence, page), unavailable).await
    }

    async fn end_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        finished: &FinishedWalk,
    ) -> Result<(), LedgerError> {
        self.life.take(self.inner.end_walk(connection, fence, finished), unavailable).await
    }

    async fn note_affiliates(
        &self,
        connection: ConnectionId,
        affiliates: &[ListedAffiliate],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.inner.note_affiliates(connection, affiliates, now).await
    }

    async fn drift(&self, connection: ConnectionId, limit: usize) -> Result<Vec<Drift>, LedgerError> {
        self.inner.drift(connection, limit).await
    }
}
