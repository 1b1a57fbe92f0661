//! The gate before Refersion: it admits every call of a connection, and gets a report when the call ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use refersion::{Closed, Signal};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Limits;
use crate::meters::Meters;
use crate::pace::{CallResult, Pace};

/// Maximum difference between the clocks of two workers. A new holder goes by its own clock, and must not start before the last
/// call of its predecessor has ended.
pub const SKEW: Duration = Duration::from_secs(1);
/// The longest sleep of a waiting call before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The gate of one connection under one lease.
pub struct ConnectionGate {
    began: Instant,
    deadline: Duration,
    longest_wait: Duration,
    pace: Mutex<Pace>,
    lease_until: Mutex<Option<Instant>>,
    closed: AtomicBool,
    ended: Notify,
}

impl ConnectionGate {
    /// A gate that opens once a lease is known. Of `limits` it uses the concurrency, the deadline of a call, and the longest
    /// `Retry-After`.
    #[must_use]
    pub fn new(ceiling: f64, learned: Option<f64>, limits: &Limits) -> Self {
        let most = limits.concurrency;
        Self {
            began: Instant::now(),
            deadline: limits.deadline,
            longest_wait: limits.retry.max_retry_after,
            pace: Mutex::new(Pace::new(ceiling, learned, most, Duration::ZERO)),
            lease_until: Mutex::new(None),
            closed: AtomicBool::new(false),
            ended: Notify::new(),
        }
    }

    /// The lease lasts for `left` from now on; `None`: it is lost, and no call starts any more.
    pub fn set_lease(&self, left: Option<Duration>) {
        let until = left.map(|left| Instant::now() + left);
        *self.lease_until.lock() = until;
        self.ended.notify_waiters();
    }

    /// Closes the gate: no call starts any more, and one that waits is returned unsent.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.ended.notify_waiters();
    }

    /// Calls `work` with the pace and the time since the gate began.
    pub fn with_pace<R>(&self, work: impl FnOnce(&mut Pace, Duration) -> R) -> R {
        work(&mut self.pace.lock(), self.began.elapsed())
    }

    /// Until when Refersion asked to wait.
    #[must_use]
    pub fn waits_until(&self) -> Instant {
        self.began + self.with_pace(|pace, _| pace.waits_until())
    }

    /// Lets no call start before `until`.
    pub fn pause_until(&self, until: Instant) {
        self.with_pace(|pace, _| pace.pause_until(until.saturating_duration_since(self.began)));
    }

    /// Lets calls start again, although Refersion asked to wait.
    pub fn end_pause(&self) {
        self.with_pace(|pace, _| pace.end_pause());
        self.ended.notify_waiters();
    }

    /// Waits until a call ends, or for `at_most`.
    pub async fn until_a_call_ends(&self, at_most: Duration) {
        tokio::select! {
            biased;
            () = self.ended.notified() => {}
            () = tokio::time::sleep(at_most) => {}
        }
    }

    /// Whether the lease is held, as far as is known.
    #[must_use]
    pub fn has_lease(&self) -> bool {
        self.lease_until.lock().is_some_and(|until| until > Instant::now())
    }

    /// Whether the lease outlasts a call that starts now, by the clock of any worker, and the gate is open; if not, none may start.
    #[must_use]
    pub fn lease_outlasts_a_call(&self) -> bool {
        let ends = Instant::now() + self.deadline + SKEW;
        !self.closed.load(Ordering::Relaxed) && self.lease_until.lock().is_some_and(|until| until > ends)
    }
}

#[async_trait]
impl refersion::Gate for ConnectionGate {
    async fn admit(&self) -> Result<(), Closed> {
        loop {
            if !self.lease_outlasts_a_call() {
                return Err(Closed);
            }
            match self.with_pace(Pace::start) {
                Ok(()) => return Ok(()),
                Err(wait) => self.until_a_call_ends(wait.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)).await,
            }
        }
    }

    fn report(&self, signal: Signal, latency: Duration) {
        let result = match signal {
            Signal::Success | Signal::Rejected => CallResult::Succeeded,
            Signal::Throttled { retry_after } => {
                CallResult::Throttled(retry_after.map(|wait| wait.min(self.longest_wait)))
            }
            Signal::Failure => CallResult::Failed,
        };
        self.with_pace(|pace, now| pace.ended(now, result, latency));
        self.ended.notify_waiters();
    }
}

/// The same gate, with every call counted.
pub struct Counted {
    /// The gate.
    pub gate: Arc<ConnectionGate>,
    /// The counters of calls.
    pub meters: Arc<Meters>,
}

#[async_trait]
impl refersion::Gate for Counted {
    async fn admit(&self) -> Result<(), Closed> {
        self.gate.admit().await
    }

    fn report(&self, signal: Signal, latency: Duration) {
        let word = match signal {
            Signal::Success => "fine",
            Signal::Throttled { .. } => "throttled",
            Signal::Failure => "unwell",
            Signal::Rejected => "refused",
        };
        self.meters.call(word, latency);
        self.gate.report(signal, latency);
    }
}
