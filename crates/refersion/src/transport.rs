//! The transport port: one method, so that tests and the simulation can replace the network.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::Credentials;

/// Maximum length of an answer's body, after decompression. The longest real answer (100 affiliates) is far shorter.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// One request.
#[derive(Clone)]
pub struct Request {
    /// Scheme and host, without `/v2`, like `https://api.refersion.com`.
    pub base_url: String,
    /// The path below the base URL, like `/v2/affiliate/new`.
    pub path: &'static str,
    /// The keys of the account.
    pub credentials: Credentials,
    /// A JSON document.
    pub body: Vec<u8>,
}

/// One answer with any status.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, if present and readable.
    pub retry_after: Option<Duration>,
    /// The body, decompressed. That of a failure is truncated to [`MAX_ANSWER_BYTES`].
    pub body: Vec<u8>,
}

/// The reason why there is no answer, which determines whether the call may have had an effect.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection was established: the call had no effect.
    #[error("no connection to refersion: {detail}")]
    NotSent {
        /// The cause, without keys or personal data.
        detail: String,
    },
    /// The call was sent, or may have been: it may have had an effect.
    #[error("no answer from refersion: {detail}")]
    NoAnswer {
        /// The cause, without keys or personal data.
        detail: String,
    },
    /// The request cannot be expressed in HTTP, most likely because of its URL. It had no effect, and a retry is
    /// futile.
    #[error("the request to refersion cannot be sent: {detail}")]
    Malformed {
        /// The cause, without keys or personal data.
        detail: String,
    },
}

/// Sends requests to Refersion.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one `POST` and waits for the whole answer, at most [`crate::CALL_DEADLINE`]. Follows no redirects and
    /// repeats nothing.
    ///
    /// # Errors
    ///
    /// [`TransportError::NotSent`] only if the call cannot have had an effect; otherwise [`TransportError::NoAnswer`], also
    /// for a success that is longer than [`MAX_ANSWER_BYTES`].
    async fn post(&self, request: Request) -> Result<Answer, TransportError>;

    /// The proxy through which requests to this base URL go, without credentials; `None` if they go directly.
    fn proxy_of(&self, _base_url: &str) -> Option<String> {
        None
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("base_url", &self.base_url)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
