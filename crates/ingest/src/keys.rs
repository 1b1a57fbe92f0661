//! The port to the key store.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;

/// Looks up the connections of keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The row id of the connection that `api_key` (`publickey.secretkey`, as it was sent) belongs to; `None` if it belongs
    /// to none. A paused connection counts.
    ///
    /// # Errors
    /// If the store is unavailable now. The endpoint then accepts keys that it has seen, and answers 503 to others.
    async fn connection_for(&self, api_key: &str) -> Result<Option<i64>, KeysUnavailable>;

    /// The row id of the connection that a write key belongs to, as [`Self::connection_for`]. A write key is not secret, so
    /// a key of one kind is never accepted as one of the other.
    ///
    /// # Errors
    /// As [`Self::connection_for`].
    async fn connection_for_write_key(&self, write_key: &str) -> Result<Option<i64>, KeysUnavailable>;

    /// Whether any connection has a key. If not, the endpoint calls no key wrong and answers 503: a store without keys is
    /// new, or is not the right one.
    ///
    /// # Errors
    /// If the store is unavailable now.
    async fn any(&self) -> Result<bool, KeysUnavailable>;
}

/// The key store cannot decide whether a key is right.
#[derive(Debug, thiserror::Error)]
#[error("API keys cannot be checked")]
pub struct KeysUnavailable {
    /// The cause, as the store reports it.
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl KeysUnavailable {
    /// Keys cannot be checked because of `cause`.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into() }
    }
}

/// The cause, for the log: the store's error, or that it did not answer within `limit`.
pub(crate) fn cause(error: Option<&KeysUnavailable>, limit: Duration) -> String {
    error.map_or_else(|| format!("no answer within {limit:?}"), |error| error.cause.to_string())
}
