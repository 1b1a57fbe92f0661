//! The secrets that Refersion's webhooks are signed with, as they were read a moment ago: a webhook that is refused costs no
//! query.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use connections::{Connection, SharedSecret};
use ingest::KeysUnavailable;
use lru::LruCache;
use parking_lot::Mutex;
use refersion::webhook;
use tokio::time::Instant;

use crate::engines::Engines;

/// How long what was read is believed.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// How old it has to be for a signature that does not match to read it again: the secret may have been replaced.
const DOUBTED_AFTER: Duration = Duration::from_secs(1);
/// Connections that are remembered, also those that do not exist.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is not 0");

/// What is known of each connection.
pub(super) struct WebhookSecrets(Mutex<LruCache<i64, Known>>);

/// A connection with its secret, and when they were read; `None`: there is no such connection, or no secret.
#[derive(Clone)]
struct Known {
    read_at: Instant,
    signer: Option<Arc<(Connection, SharedSecret)>>,
}

impl Known {
    fn signed(&self, signature: &str, body: &[u8]) -> Option<Connection> {
        let (connection, secret) = self.signer.as_deref()?;
        webhook::is_signed(secret.reveal(), body, signature).then(|| connection.clone())
    }
}

impl Default for WebhookSecrets {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl WebhookSecrets {
    /// The connection, if the body is signed with its secret. A new secret counts within a second, a removed one for ten.
    pub(super) async fn signed(
        &self,
        engines: &Engines,
        connection: i64,
        signature: &str,
        body: &[u8],
    ) -> Result<Option<Connection>, KeysUnavailable> {
        let known =
            self.0.lock().get(&connection).cloned().filter(|known| known.read_at.elapsed() < FRESH_FOR);
        if let Some(known) = known {
            let signed = known.signed(signature, body);
            if signed.is_some() || known.read_at.elapsed() < DOUBTED_AFTER {
                return Ok(signed);
            }
        }
        let known = Known { read_at: Instant::now(), signer: read(engines, connection).await?.map(Arc::new) };
        let signed = known.signed(signature, body);
        self.0.lock().put(connection, known);
        Ok(signed)
    }
}

async fn read(
    engines: &Engines,
    connection: i64,
) -> Result<Option<(Connection, SharedSecret)>, KeysUnavailable> {
    let sealed = engines.ledger.webhook_secrets(Some(connection)).await.map_err(KeysUnavailable::new)?;
    let Some(sealed) = sealed.first() else { return Ok(None) };
    let secret = engines.vault.open_secret(sealed).map_err(KeysUnavailable::new)?;
    let connection = engines.connections.by_id(connection).await.map_err(KeysUnavailable::new)?;
    Ok(connection.map(|connection| (connection, secret)))
}
