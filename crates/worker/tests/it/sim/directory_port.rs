//! The directory of affiliates as one process reaches it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::{ConnectionId, SealedSecret};
use identity::Digest;
use identity::directory::DirectoryEntries;
use jiff::Timestamp;
use ledger::{
    Directory, DirectoryState, Drift, Fence, FinishedWalk, Hints, LedgerError, ListedAffiliate, Page, Walk,
    WalkRequest,
};

use super::ledger_port::{LedgerPort, unavailable};

#[async_trait]
impl Directory for LedgerPort {
    async fn look_up(
        &self,
        connection: ConnectionId,
        addresses: &[Digest],
    ) -> Result<DirectoryEntries, LedgerError> {
        self.process.run(self.inner.look_up(connection, addresses), unavailable).await
    }

    async fn directory(&self, connection: ConnectionId) -> Result<DirectoryState, LedgerError> {
        self.process.run(self.inner.directory(connection), unavailable).await
    }

    async fn request_walk(&self, connection: ConnectionId, request: WalkRequest) -> Result<(), LedgerError> {
        self.inner.request_walk(connection, request).await
    }

    async fn save_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        walk: &Walk,
    ) -> Result<(), LedgerError> {
        self.process.run(self.inner.save_walk(connection, fence, walk), unavailable).await
    }

    async fn note_page(
        &self,
        connection: ConnectionId,
        fence: Fence,
        page: &Page,
    ) -> Result<Walk, LedgerError> {
        self.process.run(self.inner.note_page(connection, fence, page), unavailable).await
    }

    async fn end_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        finished: &FinishedWalk,
    ) -> Result<(), LedgerError> {
        self.process.run(self.inner.end_walk(connection, fence, finished), unavailable).await
    }

    async fn note_affiliates(
        &self,
        connection: ConnectionId,
        affiliates: &[ListedAffiliate],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.process.run(self.inner.note_affiliates(connection, affiliates, now), unavailable).await
    }

    async fn drift(&self, connection: ConnectionId, limit: usize) -> Result<Vec<Drift>, LedgerError> {
        self.inner.drift(connection, limit).await
    }
}

#[async_trait]
impl Hints for LedgerPort {
    async fn addresses_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Digest>, LedgerError> {
        self.process.run(self.inner.addresses_of(connection, codes), unavailable).await
    }

    async fn custom_fields(&self, connection: ConnectionId) -> Result<BTreeMap<u64, String>, LedgerError> {
        self.process.run(self.inner.custom_fields(connection), unavailable).await
    }

    async fn note_custom_fields(
        &self,
        connection: ConnectionId,
        fields: &BTreeMap<u64, String>,
    ) -> Result<(), LedgerError> {
        self.inner.note_custom_fields(connection, fields).await
    }

    async fn drift_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>, LedgerError> {
        self.process.run(self.inner.drift_of(connection, codes), unavailable).await
    }

    async fn note_drift(&self, connection: ConnectionId, drift: &Drift) -> Result<(), LedgerError> {
        self.inner.note_drift(connection, drift).await
    }

    async fn webhook_secrets(&self, of: Option<ConnectionId>) -> Result<Vec<SealedSecret>, LedgerError> {
        self.inner.webhook_secrets(of).await
    }

    async fn set_webhook_secret(&self, secret: &SealedSecret) -> Result<(), LedgerError> {
        self.inner.set_webhook_secret(secret).await
    }

    async fn remove_webhook_secret(&self, connection: ConnectionId) -> Result<bool, LedgerError> {
        self.inner.remove_webhook_secret(connection).await
    }
}
