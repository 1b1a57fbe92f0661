//! The secrets that Refersion's webhooks are signed with, kept for a moment, so that a refused webhook costs no query.

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

/// How long a secret that was read is used.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// Age from which a secret is read again for a signature that does not match: the secret may have been replaced.
const DOUBTED_AFTER: Duration = Duration::from_secs(1);
/// Connections with a secret that are remembered, and as many without: requests that name connections at random push no secret out.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is not 0");

/// The secret of each connection, as far as it was read.
pub(super) struct WebhookSecrets {
    with: Mutex<LruCache<i64, Known>>,
    without: Mutex<LruCache<i64, Known>>,
}

/// The secret of a connection, and when it was read; `None`: there is no such connection, or no secret.
#[derive(Clone)]
struct Known {
    read_at: Instant,
    secret: Option<Arc<SharedSecret>>,
}

impl Known {
    fn has_signed(&self, signature: &str, body: &[u8]) -> bool {
        self.secret.as_deref().is_some_and(|secret| webhook::is_signed(secret.reveal(), body, signature))
    }
}

impl Default for WebhookSecrets {
    fn default() -> Self {
        let cache = || Mutex::new(LruCache::new(REMEMBERED));
        Self { with: cache(), without: cache() }
    }
}

impl WebhookSecrets {
    /// The connection, if the body is signed with its secret. A new secret counts within a second, a removed one for ten. The
    /// connection is read each time: persons must not be settled under settings from before a walk that applies new ones.
    pub(super) async fn signed(
        &self,
        engines: &Engines,
        connection: i64,
        signature: &str,
        body: &[u8],
    ) -> Result<Option<Connection>, KeysUnavailable> {
        if !self.has_signed(engines, connection, signature, body).await? {
            return Ok(None);
        }
        engines.connections.by_id(connection).await.map_err(KeysUnavailable::new)
    }

    async fn has_signed(
        &self,
        engines: &Engines,
        connection: i64,
        signature: &str,
        body: &[u8],
    ) -> Result<bool, KeysUnavailable> {
        if let Some(known) = self.fresh(connection) {
            let is_signed = known.has_signed(signature, body);
            if is_signed || known.read_at.elapsed() < DOUBTED_AFTER {
                return Ok(is_signed);
            }
        }
        let known = Known { read_at: Instant::now(), secret: read(engines, connection).await?.map(Arc::new) };
        let is_signed = known.has_signed(signature, body);
        self.remember(connection, known);
        Ok(is_signed)
    }

    fn fresh(&self, connection: i64) -> Option<Known> {
        let with = self.with.lock().get(&connection).cloned();
        let known = with.or_else(|| self.without.lock().get(&connection).cloned());
        known.filter(|known| known.read_at.elapsed() < FRESH_FOR)
    }

    fn remember(&self, connection: i64, known: Known) {
        let (has, other) =
            if known.secret.is_some() { (&self.with, &self.without) } else { (&self.without, &self.with) };
        other.lock().pop(&connection);
        has.lock().put(connection, known);
    }
}

async fn read(engines: &Engines, connection: i64) -> Result<Option<SharedSecret>, KeysUnavailable> {
    let sealed = engines.ledger.webhook_secrets(Some(connection)).await.map_err(KeysUnavailable::new)?;
    let Some(sealed) = sealed.first() else { return Ok(None) };
    engines.vault.open_secret(sealed).map(Some).map_err(KeysUnavailable::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_about_unknown_connections_push_no_secret_out() {
        let secrets = WebhookSecrets::default();
        let known = |secret| Known { read_at: Instant::now(), secret };
        secrets.remember(1, known(Some(Arc::new(SharedSecret::parse("hush").expect("a secret")))));
        (2..5_000).for_each(|unknown| secrets.remember(unknown, known(None)));
        assert!(secrets.fresh(1).is_some_and(|it| it.secret.is_some()));
        secrets.remember(1, known(None));
        assert!(secrets.fresh(1).is_some_and(|it| it.secret.is_none()), "a removed secret is not used");
    }
}
