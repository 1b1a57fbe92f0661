//! The port to the key store.

use std::error::Error;

use async_trait::async_trait;

/// Says whose door an API key opens.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The row id of the connection that `api_key` (`publickey.secretkey`, as it came) belongs to; `None` if it is no
    /// connection's. A paused connection is one all the same.
    ///
    /// # Errors
    /// When nobody can say now. The door then goes on taking keys that it has seen, and answers 503 to others.
    async fn connection_for(&self, api_key: &str) -> Result<Option<i64>, KeysUnavailable>;
}

/// The key store cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the key store is unavailable")]
pub struct KeysUnavailable {
    /// What the store said.
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl KeysUnavailable {
    /// The store cannot be read because of `cause`.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into() }
    }
}
