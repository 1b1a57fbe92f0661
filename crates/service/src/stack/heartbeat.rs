//! The results of the process's heartbeats: whether ledger and queue can be written, and whether any process delivers the
//! waiting events. `/readyz` depends on all three. `reporter` makes the heartbeats.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ledger::ProcessReport;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Running;
use super::reporter::Reporter;
use crate::config::Config;
use crate::engines::Engines;
use crate::health::{Freshness, Pulses};

/// The results of the heartbeats. Clones share them.
#[derive(Clone)]
pub(super) struct Heartbeat {
    known: Arc<Mutex<Known>>,
    stale_after: Duration,
}

#[derive(Default)]
pub(super) struct Known {
    pub(super) ledger: Written,
    pub(super) queue: Written,
    /// Since when events wait that no process delivers, and the message about it.
    pub(super) unserved: Option<(Instant, String)>,
    /// Since when events wait in the queue that no worker takes.
    pub(super) untaken_since: Option<Timestamp>,
}

/// The result of the last write.
#[derive(Default)]
pub(super) struct Written {
    at: Option<Instant>,
    failed: Option<String>,
}

impl Written {
    pub(super) fn note(&mut self, what: &str, written: Result<(), String>) {
        match written {
            Ok(()) => {
                if self.failed.take().is_some() {
                    tracing::info!(what, "writing works again");
                }
                self.at = Some(Instant::now());
            }
            Err(why) => {
                if self.failed.is_none() {
                    tracing::warn!(what, error = why, "writing failed");
                }
                self.failed = Some(why);
            }
        }
    }

    /// The problem; before the first heartbeat nothing is known.
    fn trouble(&self, stale_after: Duration) -> Option<String> {
        if let Some(why) = &self.failed {
            return Some(format!("it cannot be written: {why}"));
        }
        let silence = self.at?.elapsed();
        (silence > stale_after).then(|| format!("nothing was written for {} s", silence.as_secs()))
    }
}

impl Heartbeat {
    /// Lets readiness see what heartbeats show.
    pub(super) fn watched_by(pulses: &Pulses, config: &Config) -> Self {
        let heartbeat = Self { known: Arc::default(), stale_after: config.health.stale_after };
        for (name, part) in
            [("ledger writes", Part::Ledger), ("queue writes", Part::Queue), ("work", Part::Work)]
        {
            let asked = heartbeat.clone();
            pulses.need(name, Box::new(move || asked.trouble(part)));
        }
        heartbeat
    }

    fn trouble(&self, part: Part) -> Option<String> {
        let known = self.known.lock();
        match part {
            Part::Ledger => known.ledger.trouble(self.stale_after),
            Part::Queue => known.queue.trouble(self.stale_after),
            Part::Work => {
                let (since, why) = known.unserved.as_ref()?;
                (since.elapsed() >= self.stale_after).then(|| why.clone())
            }
        }
    }

    /// Starts to report the process.
    pub(super) fn keep_beating(
        &self,
        config: &Config,
        report: ProcessReport,
        engines: &Engines,
        running: &mut Running,
    ) {
        let reporter = Reporter {
            heartbeat: self.clone(),
            engines: engines.clone(),
            config: config.clone(),
            meters: running.meters.clone(),
            endpoint: running.endpoint.as_ref().map(|(_, endpoint)| Arc::clone(endpoint)),
            report,
        };
        let stop = running.stop.clone();
        running.supervisor.start("heartbeat", Freshness::WhileRunning, move |_| {
            let (reporter, stop) = (reporter.clone(), stop.clone());
            async move {
                reporter.beat_until(&stop).await;
                Ok(())
            }
        });
    }

    pub(super) fn untaken_since(&self) -> Option<Timestamp> {
        self.known.lock().untaken_since
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock());
    }
}

/// The subject of a readiness check.
#[derive(Clone, Copy)]
enum Part {
    Ledger,
    Queue,
    Work,
}
