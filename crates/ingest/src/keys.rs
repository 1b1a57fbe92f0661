//! The port to the key store.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;

/// Says which connection a key belongs to.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The row id of the connection that `api_key` (`publickey.secretkey`, as it came) belongs to; `None` if it is no
    /// connection's. A paused connection is one all the same.
    ///
    /// # Errors
    /// If it cannot be said now. The endpoint goes on taking keys that it has seen, and answers 503 to others.
    async fn connection_for(&self, api_key: &str) -> Result<Option<i64>, KeysUnavailable>;

    /// The row id of the connection that a write key belongs to, as [`Self::connection_for`]. A write key is no secret, so
    /// the two kinds are never taken for one another.
    ///
    /// # Errors
    /// As [`Self::connection_for`].
    async fn connection_for_write_key(&self, write_key: &str) -> Result<Option<i64>, KeysUnavailable>;

    /// Whether any connection has a key. Without one no key is called wrong, and the endpoint answers 503: a store without
    /// keys is new, or is not the one that it should be.
    ///
    /// # Errors
    /// If it cannot be said now.
    async fn any(&self) -> Result<bool, KeysUnavailable>;
}

/// The key store cannot say whether a key is right.
#[derive(Debug, thiserror::Error)]
#[error("API keys cannot be checked")]
pub struct KeysUnavailable {
    /// What the store said.
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl KeysUnavailable {
    /// Keys cannot be checked because of `cause`.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into() }
    }
}

/// Why nothing can be said, for the log: what the store said, or that it said nothing within `limit`.
pub(crate) fn cause(error: Option<&KeysUnavailable>, limit: Duration) -> String {
    error.map_or_else(|| format!("no answer within {limit:?}"), |error| error.cause.to_string())
}
