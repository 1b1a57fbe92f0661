//! Whether there is room for new events, by the limits of the ingest endpoint.

use std::time::Duration;

use connections::ConnectionId;
use tokio::time::Instant;

use service::capacity::{Gauge, Refusals, decide};
use service::config::Config;
use service::engines::Engines;

/// How often it is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// Part of the queue that files fill. The rest is for live events, which come whether a file is sent or not.
const QUEUE_PERCENT: u64 = 90;

/// Measures the room for one connection.
pub(super) struct Room {
    gauge: Gauge,
    connection: ConnectionId,
    refusals: Refusals,
    measured: Option<Instant>,
    is_queue_full: bool,
}

impl Room {
    pub(super) fn new(config: &Config, connection: ConnectionId) -> Self {
        let (gauge, refusals) = (Gauge::new(config), Refusals::default());
        Self { gauge, connection, refusals, measured: None, is_queue_full: false }
    }

    /// The reason why nothing may be published now. A failed measurement is no reason.
    pub(super) async fn refusal(&mut self, engines: &Engines) -> Option<&'static str> {
        if self.measured.is_none_or(|at| at.elapsed() >= MEASURE_EVERY) {
            self.measured = Some(Instant::now());
            self.measure(engines).await;
        }
        let reason =
            self.refusals.everyone.or_else(|| self.refusals.connections.get(&self.connection).copied());
        let queue = self.is_queue_full.then_some(super::publishing::FULL);
        reason.map(|reason| reason.in_words()).or(queue)
    }

    async fn measure(&mut self, engines: &Engines) {
        if let Ok(measured) = self.gauge.measure(engines).await {
            self.refusals = decide(self.gauge.limits(), &measured, &self.refusals);
        }
        if let Ok(Some((stored, limit))) = engines.queue.stored_bytes().await {
            self.is_queue_full = stored >= limit / 100 * QUEUE_PERCENT;
        }
    }
}
