//! The times until which replaced keys are valid.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::ConnectionId;
use crate::store::StoreError;

/// The time until which the last replaced key of each kind is valid; `None` if no replaced key of that kind is valid. The serialized names
/// are those that an operator reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplacedUntil {
    /// An old API key.
    #[serde(rename = "old_api_key_valid_until")]
    pub api_key: Option<Timestamp>,
    /// An old write key.
    #[serde(rename = "old_write_key_valid_until")]
    pub write_key: Option<Timestamp>,
    /// An old shared secret.
    #[serde(rename = "old_shared_secret_valid_until")]
    pub shared_secret: Option<Timestamp>,
}

/// Looks up replaced keys.
#[async_trait]
pub trait ReplacedKeys: Send + Sync {
    /// The times until which the replaced keys of a connection are valid, if they are after `now`. All `None` if there is no such
    /// connection.
    async fn replaced_until(&self, id: ConnectionId, now: Timestamp) -> Result<ReplacedUntil, StoreError>;
}
