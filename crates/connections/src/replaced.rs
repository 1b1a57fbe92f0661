//! Until when keys that were replaced are valid.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::ConnectionId;
use crate::store::StoreError;

/// Until when the last replaced key of each kind is valid; `None` where none is. Serialized, the names are as an operator reads
/// them.
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

/// Knows of keys that were replaced.
#[async_trait]
pub trait ReplacedKeys: Send + Sync {
    /// Until when the replaced keys of a connection are valid, as far as that is after `now`. Nothing of a connection that is
    /// none.
    async fn replaced_until(&self, id: ConnectionId, now: Timestamp) -> Result<ReplacedUntil, StoreError>;
}
