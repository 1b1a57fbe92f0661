//! The port through which calls leave: one method, so that tests and the simulation stand in for the network.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::Credentials;

/// Of an answer's body, this much is read; the longest real answer (100 affiliates) is far below it.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// One call, ready to go.
#[derive(Clone)]
pub struct Request {
    /// Scheme and host, without `/v2`, like `https://api.refersion.com`.
    pub base_url: String,
    /// What follows the base URL, like `/v2/affiliate/new`.
    pub path: &'static str,
    /// The keys to send along.
    pub credentials: Credentials,
    /// A JSON document.
    pub body: Vec<u8>,
}

/// What came back, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, if it was there and could be read.
    pub retry_after: Option<Duration>,
    /// The body, cut at [`MAX_ANSWER_BYTES`].
    pub body: Vec<u8>,
}

/// Why there is no answer, by whether the call may have had an effect.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection came about, so there was no effect.
    #[error("no connection to refersion: {detail}")]
    NotSent {
        /// What went wrong, without keys or personal data.
        detail: String,
    },
    /// The call went out, or may have: it may have taken effect.
    #[error("no answer from refersion: {detail}")]
    NoAnswer {
        /// What went wrong, without keys or personal data.
        detail: String,
    },
    /// The request cannot be put into HTTP, most likely for its URL; there was no effect, and a repetition is futile.
    #[error("the request to refersion cannot be sent: {detail}")]
    Malformed {
        /// What is wrong, without keys or personal data.
        detail: String,
    },
}

/// Carries one call to Refersion and its answer back.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one `POST` and waits for the whole answer, within [`crate::CALL_DEADLINE`]. Follows no redirect and repeats
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`TransportError::NotSent`] only if the call cannot have had an effect; [`TransportError::NoAnswer`] in doubt.
    async fn post(&self, request: Request) -> Result<Answer, TransportError>;
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
