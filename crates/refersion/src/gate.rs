//! The gate that every call passes: rate limit, concurrency, breaker and lease live behind it, outside of this crate.

use std::time::Duration;

use async_trait::async_trait;

/// The gate is shut: the caller has to stop, and nothing of the call was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gate to refersion is shut")]
pub struct Closed;

/// How the API fared in one call, for whoever learns its pace. What the answer means for a person is no concern here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A success that could be read.
    Fine,
    /// 429 for too many calls.
    Throttled {
        /// How long the server asks us to wait, where it does.
        retry_after: Option<Duration>,
    },
    /// No answer, a 5xx, an answer that could not be read, or a call that was given up half-way.
    Unwell,
    /// Any other answer: the API works, and refused this request.
    OtherwiseAnswered,
}

/// Admits calls and hears how they went.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Waits until one HTTP call may start.
    ///
    /// # Errors
    ///
    /// [`Closed`] if no call may start any more: the lease ran out, or the process is stopping.
    async fn admit(&self) -> Result<(), Closed>;

    /// Hears how an admitted call went; called exactly once for each, also if its future is dropped.
    fn report(&self, verdict: Verdict, latency: Duration);
}
