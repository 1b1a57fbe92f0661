//! Takes Refersion's webhooks about affiliates for the ingest endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use connections::ConnectionId;
use ingest::{AffiliateHooks, KeysUnavailable, Received};
use ledger::LedgerError;
use parking_lot::Mutex;
use refersion::webhook;
use tokio::sync::Semaphore;
use worker::hints::{ECHOES_FOR, Hint, UnconfirmedDrift};

use super::endpoint::engines;
use super::webhook_secrets::WebhookSecrets;
use crate::engines::Engines;
use crate::engines::awaited::Awaited;

/// Upper limit of webhooks that wait for a second comparison; the differences of further ones are recorded at once.
const WAITING: usize = 1_000;

/// The webhooks as the endpoint hands them over.
pub(super) struct StoreHooks {
    awaited: Awaited,
    secrets: WebhookSecrets,
    waiting: Arc<Semaphore>,
    unconfirmed: Arc<Unconfirmed>,
}

/// The affiliates, by connection and code, with a webhook that waits for its second comparison; each with the number of that webhook. A
/// newer webhook of the same affiliate takes its place: it shows a newer state.
#[derive(Default)]
struct Unconfirmed {
    newest: Mutex<BTreeMap<(ConnectionId, String), u64>>,
    number: AtomicU64,
}

impl Unconfirmed {
    /// Notes that a newer webhook has come.
    fn supersede(&self, affiliate: &(ConnectionId, String)) {
        self.newest.lock().remove(affiliate);
    }

    fn begin(&self, affiliate: (ConnectionId, String)) -> u64 {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.newest.lock().insert(affiliate, number);
        number
    }

    /// Whether this webhook is still the newest of its affiliate.
    fn end(&self, affiliate: &(ConnectionId, String), number: u64) -> bool {
        let mut newest = self.newest.lock();
        let is_newest = newest.get(affiliate) == Some(&number);
        if is_newest {
            newest.remove(affiliate);
        }
        is_newest
    }
}

impl StoreHooks {
    pub(super) fn new(awaited: &Awaited) -> Self {
        let (awaited, waiting) = (awaited.clone(), Arc::new(Semaphore::new(WAITING)));
        Self { awaited, secrets: WebhookSecrets::default(), waiting, unconfirmed: Arc::default() }
    }

    /// Compares once more, as soon as the webhook can no longer be an echo.
    async fn settle_later(
        &self,
        engines: &Engines,
        affiliate: (ConnectionId, String),
        unconfirmed: UnconfirmedDrift,
    ) -> Result<(), LedgerError> {
        let Ok(permit) = Arc::clone(&self.waiting).try_acquire_owned() else {
            return unconfirmed.settle(engines.ledger.as_ref()).await;
        };
        let (ledger, waiting) = (Arc::clone(&engines.ledger), Arc::clone(&self.unconfirmed));
        let number = waiting.begin(affiliate.clone());
        tokio::spawn(async move {
            tokio::time::sleep(ECHOES_FOR).await;
            if waiting.end(&affiliate, number)
                && let Err(cause) = unconfirmed.settle(ledger.as_ref()).await
            {
                tracing::warn!(error = %cause, "the values of a webhook could not be compared: run `connections verify`");
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
        let affiliate = (connection.id, webhook.code.to_string());
        self.unconfirmed.supersede(&affiliate);
        let hint = Hint::of(&connection, &engines.vault, &webhook, engines.now());
        let unconfirmed = hint.receive(engines.ledger.as_ref()).await.map_err(KeysUnavailable::new)?;
        if let Some(unconfirmed) = unconfirmed {
            self.settle_later(engines, affiliate, unconfirmed).await.map_err(KeysUnavailable::new)?;
        }
        Ok(Received::Taken)
    }
}
