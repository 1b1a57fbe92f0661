//! Waits until the simulated Refersion has every edit, or until every accepted event has an outcome.

use std::time::{Duration, Instant};

use connections::ConnectionId;
use simulator::Effects;

use crate::control::Refersion;
use service::engines::Engines;

/// How often progress is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// How long progress may stall before the benchmark stops waiting.
const STALL_TIMEOUT: Duration = Duration::from_secs(180);
/// The state of an event that an operator may still replay.
const DEAD: &str = "dead";

impl Refersion {
    /// Waits until this number of affiliates was edited since the simulator started, or until progress stalls. Polls
    /// the simulator, which does not count as calls.
    pub(super) async fn wait_for_edits(&mut self, affiliates: u64) -> anyhow::Result<()> {
        let mut stall = Stall::default();
        loop {
            let Effects { created, edited, .. } = self.effects().await?;
            if edited >= affiliates {
                return Ok(());
            }
            if stall.is_over(created + edited) {
                tracing::error!(edited, affiliates, "edits are missing");
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Waits until `events` events of the connection have an outcome other than dead, and nothing is left to send. If progress
/// stalls, returns the number of events that have none; otherwise 0.
pub(super) async fn wait_for_outcomes(
    engines: &Engines,
    connection: ConnectionId,
    events: u64,
) -> anyhow::Result<u64> {
    let mut stall = Stall::default();
    loop {
        let polled = Instant::now();
        let counts = engines.ledger.counts(Some(connection), engines.now()).await?;
        let ended: u64 =
            counts.outcomes.iter().filter(|(state, _)| *state != DEAD).map(|(_, count)| count).sum();
        if ended == events && counts.pending == 0 && counts.dirty == 0 {
            return Ok(0);
        }
        if stall.is_over(ended) {
            tracing::error!(ended, events, counts.pending, counts.dirty, "events have not ended");
            return Ok(events.abs_diff(ended).max(counts.dirty));
        }
        // Counting many events takes CPU time and I/O from the processes that are measured.
        tokio::time::sleep(POLL_INTERVAL.max(polled.elapsed() * 4)).await;
    }
}

/// Waits until the connection has this number of dead letters.
pub(super) async fn wait_for_dead_letters(
    engines: &Engines,
    connection: ConnectionId,
    letters: u64,
) -> anyhow::Result<()> {
    let mut stall = Stall::default();
    loop {
        let counts = engines.ledger.counts(Some(connection), engines.now()).await?;
        if counts.dead_letters >= letters && counts.pending == 0 {
            return Ok(());
        }
        let dead = counts.dead_letters;
        anyhow::ensure!(!stall.is_over(dead), "{dead} of {letters} events are dead letters");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The time since a number changed.
struct Stall {
    number: Option<u64>,
    since: Instant,
}

impl Default for Stall {
    fn default() -> Self {
        Self { number: None, since: Instant::now() }
    }
}

impl Stall {
    /// Whether the number has not changed for [`STALL_TIMEOUT`].
    fn is_over(&mut self, number: u64) -> bool {
        if self.number != Some(number) {
            *self = Self { number: Some(number), since: Instant::now() };
        }
        self.since.elapsed() >= STALL_TIMEOUT
    }
}
