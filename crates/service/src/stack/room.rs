//! Measures the room for new events again and again; the endpoint, `/readyz` and metrics read the last decision.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ingest::{Admission, NoRoom};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Running;
use crate::capacity::{Gauge, Measured, Refusals, decide};
use crate::config::Config;
use crate::engines::Engines;
use crate::health::{Freshness, Pulse, Pulses};
use crate::metrics::{RoomFigures, Snapshot, Source};

/// How often it measures. A client that fills 100 MB/s has filled less than half of the usual `disk.min_free` by then.
const MEASURE_EVERY: Duration = Duration::from_secs(2);

/// The shortest time between two measurements, however much is accepted.
const MEASURE_EVERY_AT_MOST: Duration = Duration::from_millis(100);

/// It measures at once after events were accepted that could fill the ledger's remaining room divided by this.
const PART_OF_ROOM: u64 = 8;

/// The last decision about the room for new events. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Room {
    known: Arc<Mutex<Known>>,
    /// Many events were accepted since the last measurement.
    much: Arc<Notify>,
}

#[derive(Default)]
struct Known {
    measured: Option<Measured>,
    limit: Option<u64>,
    refusals: Refusals,
    /// Bytes of the events that were accepted since then.
    accepted: u64,
}

impl Known {
    /// The remaining room of the ledger, as far as it was measured; `None` without a limit.
    fn left(&self) -> Option<u64> {
        Some(self.limit?.saturating_sub(self.measured.as_ref()?.ledger_bytes))
    }
}

impl Admission for Room {
    fn refusal(&self, connection: i64) -> Option<NoRoom> {
        let known = self.known.lock();
        let everyone = known.refusals.everyone.map(|_| NoRoom::ForAll);
        everyone.or_else(|| known.refusals.connections.get(&connection).map(|_| NoRoom::ForConnection))
    }

    fn accepted(&self, bytes: usize) {
        let mut known = self.known.lock();
        known.accepted = known.accepted.saturating_add(bytes as u64);
        if known.left().is_some_and(|left| known.accepted >= left / PART_OF_ROOM) {
            self.much.notify_one();
        }
    }
}

impl Room {
    /// Makes `/readyz` fail while all connections are refused.
    pub(super) fn watched_by(&self, pulses: &Pulses) {
        let room = self.clone();
        let why = move || {
            let known = room.known.lock();
            known.refusals.everyone.map(|reason| reason.in_words().to_owned())
        };
        pulses.need("room", Box::new(why));
    }

    /// Starts to measure: every [`MEASURE_EVERY`], and sooner while much is taken in.
    pub(super) fn keep_watching(&self, config: &Config, engines: &Engines, running: &mut Running) {
        let (room, config, engines) = (self.clone(), config.clone(), engines.clone());
        let stop = running.stop.clone();
        running.supervisor.start("room watch", Freshness::WhileRunning, move |pulse| {
            let (room, engines, stop) = (room.clone(), engines.clone(), stop.clone());
            let gauge = Gauge::new(&config);
            async move {
                room.watch(gauge, &engines, &pulse, &stop).await;
                Ok(())
            }
        });
    }

    async fn watch(&self, mut gauge: Gauge, engines: &Engines, pulse: &Pulse, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            pulse.beat();
            match stop.run_until_cancelled(gauge.measure(engines)).await {
                Some(Ok(measured)) => self.decide(&gauge, measured),
                Some(Err(error)) => {
                    tracing::debug!(error = error.message, "the ledger cannot be measured");
                    self.decide(&gauge, self.disks_alone(&gauge));
                }
                None => return,
            }
            stop.run_until_cancelled(self.pause()).await;
        }
    }

    /// Rests until it is time to measure again.
    async fn pause(&self) {
        tokio::time::sleep(MEASURE_EVERY_AT_MOST).await;
        // After this time it measures in any case.
        drop(tokio::time::timeout(MEASURE_EVERY - MEASURE_EVERY_AT_MOST, self.much.notified()).await);
    }

    /// The last figures with the free space of now, for a ledger that cannot be read.
    fn disks_alone(&self, gauge: &Gauge) -> Measured {
        let known = self.known.lock();
        let last = known.measured.clone().unwrap_or_default();
        Measured { free_bytes: gauge.free_bytes(), ..last }
    }

    fn decide(&self, gauge: &Gauge, measured: Measured) {
        let mut known = self.known.lock();
        let refusals = decide(gauge.limits(), &measured, &known.refusals);
        log(&known.refusals, &refusals);
        *known =
            Known { measured: Some(measured), limit: gauge.limits().ledger_bytes, refusals, accepted: 0 };
    }
}

/// Logs each change once.
fn log(before: &Refusals, now: &Refusals) {
    match (before.everyone, now.everyone) {
        (same, other) if same == other => {}
        (_, Some(reason)) => tracing::warn!(reason = reason.in_words(), "new events are refused"),
        (_, None) => tracing::info!("new events are accepted again"),
    }
    for (connection, reason) in &now.connections {
        if before.connections.get(connection) != Some(reason) {
            tracing::warn!(
                connection_id = connection,
                reason = reason.in_words(),
                "new events of a connection are refused"
            );
        }
    }
    for connection in before.connections.keys().filter(|id| !now.connections.contains_key(id)) {
        tracing::info!(connection_id = connection, "new events of a connection are accepted again");
    }
}

#[async_trait]
impl Source for Room {
    fn name(&self) -> &'static str {
        "room"
    }

    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()> {
        let known = self.known.lock();
        let Some(measured) = &known.measured else { return Ok(()) };
        let connections =
            known.refusals.connections.iter().map(|(id, reason)| (id.to_string(), reason.word()));
        let everyone = known.refusals.everyone.map(|reason| ("all".to_owned(), reason.word()));
        snapshot.room = Some(RoomFigures {
            ledger_bytes: measured.ledger_bytes,
            ledger_limit: known.limit,
            disk_free: measured.free_bytes,
            refused: connections.chain(everyone).collect(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// How long it is until the next measurement, after events of this size where 800 bytes are left.
    async fn rests_after(bytes: usize, limit: Option<u64>) -> Duration {
        let room = Room::default();
        let measured = Some(Measured { ledger_bytes: 200, ..Measured::default() });
        *room.known.lock() = Known { measured, limit, ..Known::default() };
        room.accepted(bytes / 2);
        room.accepted(bytes - bytes / 2);
        let began = Instant::now();
        room.pause().await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn storage_is_measured_sooner_when_new_events_may_fill_it() {
        assert_eq!(rests_after(99, Some(1_000)).await, MEASURE_EVERY);
        assert_eq!(rests_after(100, Some(1_000)).await, MEASURE_EVERY_AT_MOST);
        assert_eq!(rests_after(1 << 40, None).await, MEASURE_EVERY, "without a limit nothing fills it");
    }
}
