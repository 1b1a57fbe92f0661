//! The public halves of the API keys. A request with a known one and a wrong secret comes from a customer whose setting is
//! old or mistyped: Segment throws its events away, so an operator should read of it.

use std::collections::HashMap;
use std::time::Duration;

use connections::{ApiKey, ConnectionId};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::engines::Engines;

/// For how long the halves are remembered.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// The connections by their public halves.
type Halves = HashMap<String, (ConnectionId, String)>;

/// Remembers the halves.
#[derive(Default)]
pub(super) struct PublicHalves(Mutex<Option<(Instant, Halves)>>);

impl PublicHalves {
    /// Logs an unknown key, if its public half is a connection's. While the halves are read for one request, others do not wait
    /// for them: the line is a courtesy.
    pub(super) async fn log_if_known(&self, engines: &Engines, key: &ApiKey) {
        let Ok(mut known) = self.0.try_lock() else { return };
        if known.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH_FOR) {
            *known = Some((Instant::now(), read(engines).await));
        }
        let Some((id, connection)) = known.as_ref().and_then(|(_, halves)| halves.get(key.public())) else {
            return;
        };
        log_wrong_secret(connection, *id);
    }
}

/// Logs that a request with the public half of this connection's key was refused.
pub(super) fn log_wrong_secret(connection: &str, id: ConnectionId) {
    tracing::warn!(
        connection,
        connection_id = id,
        "a request with the public key of this connection and another secret key was answered 401, and Segment \
         throws its event away: compare the API key in Segment's settings, or run `connections rotate-key`"
    );
}

/// Connections whose key cannot be read are left out.
async fn read(engines: &Engines) -> Halves {
    let mut halves = Halves::new();
    for connection in engines.connections.list().await.unwrap_or_default() {
        let Ok(sealed) = engines.connections.credentials(connection.id).await else { continue };
        if let Ok(key) = engines.vault.open_key(&sealed) {
            halves.insert(key.public().to_owned(), (connection.id, connection.name.to_string()));
        }
    }
    halves
}
