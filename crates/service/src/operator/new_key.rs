//! Gives a connection a new API key.

use connections::{ApiKey, ConnectionId, PausedFor, StoreError};

use crate::engines::Engines;

/// Replaces the key of a connection; the old one is valid for a while. A pause because of the old key ends: if the new one does
/// not work either, the worker pauses the connection again.
///
/// # Errors
///
/// [`StoreError`]; if only the pause could not be ended, the key is replaced.
pub async fn replace_key(
    engines: &Engines,
    connection: ConnectionId,
    key: &ApiKey,
) -> Result<(), StoreError> {
    engines.connections.rotate_key(connection, engines.vault.seal_key(key), engines.now()).await?;
    engines.connections.resume(connection, Some(PausedFor::Credentials)).await?;
    Ok(())
}
