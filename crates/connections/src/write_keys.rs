//! The port to write keys: what client libraries name a connection by.
//!
//! A write key is no secret, as every browser shows it; it lets its holder send events and nothing else.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::connection::ConnectionId;
use crate::store::StoreError;

/// Finds and replaces write keys. Every method is atomic, and durable once it returned.
#[async_trait]
pub trait WriteKeys: Send + Sync {
    /// Whose connection a write key belongs to: its newest, or one replaced less than
    /// [`OLD_KEY_VALID`](crate::store::OLD_KEY_VALID) before `now`.
    async fn by_write_key(&self, write_key: &str, now: Timestamp)
    -> Result<Option<ConnectionId>, StoreError>;

    /// Gives a connection a new write key, which nobody has had; the one before is valid for
    /// [`OLD_KEY_VALID`](crate::store::OLD_KEY_VALID) more, because pages and apps that were loaded before go on using it.
    /// Older ones stay valid as long as they had left.
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
