//! The learned rate, stored so that it outlives a crash, and how long nothing can be started.

use std::time::Duration;

use jiff::SignedDuration;
use ledger::LedgerError;
use tokio::time::Instant;
use tracing::warn;

use super::{Holder, RECORD_AHEAD};

/// How long reconcile sleeps at most when nothing is due.
const IDLE: Duration = Duration::from_millis(500);
/// Interval of storing the learned rate while it changes.
const REMEMBER_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// Smallest change of the rate that is stored, as a share of it.
const WORTH_REMEMBERING: f64 = 0.05;

/// Interval of looks for due work, if the last one found none and handoffs are under way: each handoff would wake the holder, and
/// a look costs the ledger as much as several hundred events.
const LOOKS_APART: Duration = Duration::from_millis(20);

impl Holder {
    /// Whether to look for due work.
    pub(super) fn looks_again(&self) -> bool {
        let just_now = |at: Instant| at.elapsed() < LOOKS_APART;
        self.in_flight.handoffs == 0 || !self.found_nothing_at.is_some_and(just_now)
    }

    /// The number of calls that can be recorded now; 0 under a lease that ends too soon, because each call would be returned
    /// unsent at once, again and again.
    pub(super) fn room(&self) -> usize {
        if !self.gate.lease_outlasts_a_call() {
            return 0;
        }
        let Some(in_progress) = self.calls_in_progress() else { return 0 };
        self.gate.with_pace(|pace, now| pace.room(now, RECORD_AHEAD, in_progress))
    }

    /// Stores the rate if it has changed enough, and not too often.
    pub(super) async fn remember_rate_now_and_then(&mut self) {
        let now = self.worker.now();
        let due = self.rate_remembered_at.is_none_or(|at| now.duration_since(at) >= REMEMBER_EVERY);
        let rate = self.gate.with_pace(|pace, now| pace.learned(now));
        let remembered = self.connection.learned_rate.unwrap_or(self.connection.settings.rate_per_second);
        if due && (rate - remembered).abs() > remembered * WORTH_REMEMBERING {
            self.rate_remembered_at = Some(now);
            self.remember_rate().await;
        }
    }

    pub(super) async fn remember_rate(&self) {
        let rate = self.gate.with_pace(|pace, now| pace.learned(now));
        if let Err(cause) = self.worker.connections.save_learned_rate(self.connection.id, rate).await {
            warn!(connection = %self.connection.name, connection_id = self.connection.id, error = %cause, "the learned rate could not be stored");
        }
    }

    /// How long nothing can be started, as far as is known.
    pub(super) async fn patience(&self, started: usize) -> Result<Duration, LedgerError> {
        if started > 0 {
            return Ok(RECORD_AHEAD.min(Duration::from_millis(10)));
        }
        if !self.looks_again() {
            return Ok(LOOKS_APART);
        }
        if self.room() == 0 {
            return Ok(Duration::from_millis(20));
        }
        let now = self.worker.now();
        let due = self.worker.ledger.next_due(self.connection.id).await?;
        let wait = due.map_or(IDLE, |due| Duration::try_from(due.duration_since(now)).unwrap_or_default());
        // Due work that was not taken has a call under way, whose end wakes this loop, or cannot be sent.
        Ok(wait.clamp(RECORD_AHEAD, IDLE))
    }
}
