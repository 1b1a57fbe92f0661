//! The port for write keys, by which client libraries name a connection.
//!
//! A write key is no secret, because every browser shows it. It only lets its holder send events.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::connection::ConnectionId;
use crate::store::StoreError;

/// Finds and replaces write keys. Every method is atomic, and durable once it returned.
#[async_trait]
pub trait WriteKeys: Send + Sync {
    /// The connection that a write key belongs to: the key is its newest one, or was replaced less than
    /// [`OLD_KEY_VALID`](crate::store::OLD_KEY_VALID) before `now`.
    async fn by_write_key(&self, write_key: &str, now: Timestamp)
    -> Result<Option<ConnectionId>, StoreError>;

    /// Gives a connection a new write key that was never used before. The previous one stays valid for
    /// [`OLD_KEY_VALID`](crate::store::OLD_KEY_VALID), because pages and apps that were loaded before go on using it. The expiry of older
    /// ones does not change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn rotate_write_key(
        &self,
        id: ConnectionId,
        write_key: &str,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
