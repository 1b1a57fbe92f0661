//! The gate: the caller's rate limit, concurrency limit, circuit breaker and lease, asked before each HTTP call.

use std::time::Duration;

use async_trait::async_trait;

/// The gate is closed: the caller has to stop. Nothing of the call was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gate to refersion is closed")]
pub struct Closed;

/// The signal of one call about the load that the API accepts. It says nothing about the person concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// A success with a readable answer.
    Success,
    /// 429 for too many calls, or another answer that asks to wait.
    Throttled {
        /// The wait that the server asks for, if it does.
        retry_after: Option<Duration>,
    },
    /// No answer, a 5xx, an unreadable answer, or a call that the caller cancelled.
    Failure,
    /// Any other answer: the API works and rejects this request.
    Rejected,
}

/// Admits calls and receives a report on each.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Waits until one HTTP call may start.
    ///
    /// # Errors
    ///
    /// [`Closed`] if no further call may start: the lease has expired, or the process is stopping.
    async fn admit(&self) -> Result<(), Closed>;

    /// Reports an admitted call. Called exactly once for each, also if its future is dropped.
    fn report(&self, signal: Signal, latency: Duration);
}
