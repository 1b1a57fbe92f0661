//! Takes Refersion's webhooks about affiliates for the ingest endpoint.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connections::Connection;
use ingest::{AffiliateHooks, KeysUnavailable, Received};
use ledger::LedgerError;
use refersion::webhook;
use tokio::sync::Semaphore;
use worker::hints::Hint;

use super::endpoint::engines;
use crate::engines::Engines;
use crate::engines::awaited::Awaited;

/// How long something that differs is waited for to be the echo of a call whose answer is being recorded.
const ECHOES_FOR: Duration = Duration::from_secs(10);
/// Webhooks that wait so, at most; what differs beyond that is noted at once.
const WAITING: usize = 1_000;

/// The webhooks as the endpoint hands them over.
pub(super) struct StoreHooks {
    awaited: Awaited,
    waiting: Arc<Semaphore>,
}

impl StoreHooks {
    pub(super) fn new(awaited: &Awaited) -> Self {
        Self { awaited: awaited.clone(), waiting: Arc::new(Semaphore::new(WAITING)) }
    }

    /// The connection, if the body is signed with its secret.
    async fn signed(
        engines: &Engines,
        connection: i64,
        signature: &str,
        body: &[u8],
    ) -> Result<Option<Connection>, KeysUnavailable> {
        let sealed = engines.ledger.webhook_secrets(Some(connection)).await.map_err(KeysUnavailable::new)?;
        let Some(sealed) = sealed.first() else { return Ok(None) };
        let secret = engines.vault.open_secret(sealed).map_err(KeysUnavailable::new)?;
        if !webhook::is_signed(secret.reveal(), body, signature) {
            return Ok(None);
        }
        engines.connections.by_id(connection).await.map_err(KeysUnavailable::new)
    }

    /// Compares what a webhook says with what was sent. What differs may be the echo of a call whose answer is not recorded
    /// yet, so it is compared once more a moment later.
    async fn compare(
        &self,
        engines: &Engines,
        hint: Hint,
        addresses: Vec<identity::Digest>,
    ) -> Result<(), LedgerError> {
        let Some(drift) = hint.compare(engines.ledger.as_ref(), &addresses).await? else { return Ok(()) };
        let permit = Arc::clone(&self.waiting).try_acquire_owned();
        let (false, Ok(permit)) = (drift.fields.is_empty(), permit) else {
            return hint.note_drift(engines.ledger.as_ref(), &drift).await;
        };
        let ledger = Arc::clone(&engines.ledger);
        tokio::spawn(async move {
            tokio::time::sleep(ECHOES_FOR).await;
            let compared = hint.compare(ledger.as_ref(), &addresses).await;
            let noted = match compared {
                Ok(Some(drift)) => hint.note_drift(ledger.as_ref(), &drift).await,
                Ok(None) => Ok(()),
                Err(cause) => Err(cause),
            };
            if let Err(cause) = noted {
                tracing::warn!(error = %cause, "what a webhook said could not be compared: `connections verify` does it");
            }
            drop(permit);
        });
        Ok(())
    }
}

#[async_trait]
impl AffiliateHooks for StoreHooks {
    async fn receive(
        &self,
        connection: i64,
        signature: &str,
        body: &[u8],
    ) -> Result<Received, KeysUnavailable> {
        let engines = engines(&self.awaited).await?;
        let Some(connection) = Self::signed(engines, connection, signature, body).await? else {
            return Ok(Received::NotSigned);
        };
        let Some(said) = webhook::affiliate(body) else { return Ok(Received::NotNeeded) };
        let hint = Hint::of(&connection, &engines.vault, &said, engines.now());
        let ledger = engines.ledger.as_ref();
        let addresses = hint.addresses(ledger).await.map_err(KeysUnavailable::new)?;
        hint.note(ledger).await.map_err(KeysUnavailable::new)?;
        hint.teach(ledger).await.map_err(KeysUnavailable::new)?;
        self.compare(engines, hint, addresses).await.map_err(KeysUnavailable::new)?;
        Ok(Received::Taken)
    }
}
