//! Takes Refersion's webhooks about affiliates for the ingest endpoint.

use std::sync::Arc;

use async_trait::async_trait;
use ingest::{AffiliateHooks, KeysUnavailable, Received};
use ledger::LedgerError;
use refersion::webhook;
use tokio::sync::Semaphore;
use worker::hints::{ECHOES_FOR, Hint, UnconfirmedDrift};

use super::endpoint::engines;
use super::webhook_secrets::WebhookSecrets;
use crate::engines::Engines;
use crate::engines::awaited::Awaited;

/// Webhooks that are compared once more later, at most; what differs beyond that is noted at once.
const WAITING: usize = 1_000;

/// The webhooks as the endpoint hands them over.
pub(super) struct StoreHooks {
    awaited: Awaited,
    secrets: WebhookSecrets,
    waiting: Arc<Semaphore>,
}

impl StoreHooks {
    pub(super) fn new(awaited: &Awaited) -> Self {
        let (awaited, waiting) = (awaited.clone(), Arc::new(Semaphore::new(WAITING)));
        Self { awaited, secrets: WebhookSecrets::default(), waiting }
    }

    /// Compares once more, as soon as what a webhook shows can be no echo any more.
    async fn settle_later(
        &self,
        engines: &Engines,
        unconfirmed: UnconfirmedDrift,
    ) -> Result<(), LedgerError> {
        let Ok(permit) = Arc::clone(&self.waiting).try_acquire_owned() else {
            return unconfirmed.settle(engines.ledger.as_ref()).await;
        };
        let ledger = Arc::clone(&engines.ledger);
        tokio::spawn(async move {
            tokio::time::sleep(ECHOES_FOR).await;
            if let Err(cause) = unconfirmed.settle(ledger.as_ref()).await {
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
        let Some(connection) = self.secrets.signed(engines, connection, signature, body).await? else {
            return Ok(Received::NotSigned);
        };
        let Some(webhook) = webhook::affiliate(body) else { return Ok(Received::NotNeeded) };
        let hint = Hint::of(&connection, &engines.vault, &webhook, engines.now());
        let unconfirmed = hint.receive(engines.ledger.as_ref()).await.map_err(KeysUnavailable::new)?;
        if let Some(unconfirmed) = unconfirmed {
            self.settle_later(engines, unconfirmed).await.map_err(KeysUnavailable::new)?;
        }
        Ok(Received::Taken)
    }
}
