//! Each process reports the events that it has published. One process of the installation finds events that never arrived, and
//! all of them report these.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use parking_lot::Mutex;
use queue::Published;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Running;
use crate::arrivals::{self, Summary, Watch};
use crate::clock::Clock;
use crate::config::Config;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::health::{Freshness, Pulses};
use crate::metrics::{Snapshot, Source};
use crate::operator::workers::Workers;

/// How often the process reports the events that it has published.
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// How often it reports although nothing new was published.
const REPORT_ANYWAY: Duration = Duration::from_secs(60);
/// How often the process looks for events that never arrived.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How long the last report may take, when the process ends.
const LAST_WITHIN: Duration = Duration::from_secs(1);
/// For how long a process is not ready after events were found to be missing: Segment retries for four hours.
const NOT_READY: SignedDuration = SignedDuration::from_hours(1);

/// The known missing events. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Arrivals(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// The engine numbers published events, and the ledger was asked.
    is_watched: bool,
    summary: Option<Summary>,
    /// The last report, and its time.
    reported: Option<(Vec<Published>, Instant)>,
}

impl Arrivals {
    /// Makes `/readyz` fail for a while after events were found to be missing.
    pub(super) fn watched_by(&self, pulses: &Pulses, clock: &Clock) {
        let (known, clock) = (self.clone(), Clock::clone(clock));
        let why = move || {
            let summary = known.change(|known| known.summary.clone())?;
            let is_new = clock().duration_since(summary.found_at) < NOT_READY;
            is_new.then(|| summary.in_words())
        };
        pulses.need("arrivals", Box::new(why));
    }

    /// Starts to report and to look, if the engine numbers published events. `process` is the id of this one.
    pub(super) fn keep_watching(
        &self,
        config: &Config,
        process: Uuid,
        engines: &Engines,
        running: &mut Running,
    ) {
        if engines.queue.published().is_none() {
            return;
        }
        running.arrivals = Some((self.clone(), engines.clone()));
        let watcher =
            Watcher { known: self.clone(), config: config.clone(), process, engines: engines.clone() };
        let stop = running.stop.clone();
        running.supervisor.start("arrivals", Freshness::WhileRunning, move |_| {
            let (watcher, stop) = (watcher.clone(), stop.clone());
            async move {
                watcher.watch_until(&stop).await;
                Ok(())
            }
        });
    }

    /// Reports the last published events, when nothing is published any more.
    pub(super) async fn end(&self, engines: &Engines) {
        if let Ok(Err(failure)) = timeout(LAST_WITHIN, self.report(engines)).await {
            tracing::debug!(error = failure.message, "the last published events could not be reported");
        }
    }

    /// Reports the events that this process has published, if there are new ones, or if the last report was long ago.
    async fn report(&self, engines: &Engines) -> Result<(), Failure> {
        let published = engines.queue.published().unwrap_or_default();
        let is_known = self.change(|known| {
            let is_fresh = |at: &Instant| at.elapsed() < REPORT_ANYWAY;
            known.reported.as_ref().is_some_and(|(last, at)| *last == published && is_fresh(at))
        });
        if published.is_empty() || is_known {
            return Ok(());
        }
        arrivals::report(engines, &published).await?;
        self.change(|known| known.reported = Some((published, Instant::now())));
        Ok(())
    }

    fn change<R>(&self, change: impl FnOnce(&mut Known) -> R) -> R {
        change(&mut self.0.lock())
    }
}

/// Reports and looks for one process.
#[derive(Clone)]
struct Watcher {
    known: Arrivals,
    config: Config,
    process: Uuid,
    engines: Engines,
}

impl Watcher {
    async fn watch_until(&self, stop: &CancellationToken) {
        let mut watch = Watch::default();
        let mut looked: Option<Instant> = None;
        while !stop.is_cancelled() {
            let is_due = looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
            let work = async {
                self.known.report(&self.engines).await?;
                if is_due { self.look(&mut watch).await } else { Ok(()) }
            };
            if let Some(Err(failure)) = stop.run_until_cancelled(work).await {
                tracing::debug!(error = failure.message, "the check for missing events failed");
            }
            if is_due {
                looked = Some(Instant::now());
            }
            stop.run_until_cancelled(tokio::time::sleep(REPORT_EVERY)).await;
        }
    }

    /// Compares, if this process is the one that does; then reads the missing events.
    async fn look(&self, watch: &mut Watch) -> Result<(), Failure> {
        let workers = Workers::read(&self.engines, &self.config).await?;
        // The oldest of the processes that note arrivals: ids begin with the time of the start.
        let first = workers.alive().filter(|process| process.notes_arrivals).map(|process| process.id).min();
        if first == Some(self.process) {
            watch.look(&self.engines, &workers.processes).await?;
        }
        let summary = Summary::of(&self.engines.arrivals.missing().await?);
        self.known.change(|known| (known.summary, known.is_watched) = (summary, true));
        Ok(())
    }
}

#[async_trait]
impl Source for Arrivals {
    fn name(&self) -> &'static str {
        "arrivals"
    }

    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()> {
        snapshot.missing_events = self.change(|known| {
            let events = known.summary.as_ref().map_or(0, |summary| summary.events);
            known.is_watched.then_some(events)
        });
        Ok(())
    }
}
