//! Reports one process in the ledger, again and again, and looks whether anybody delivers.

use std::sync::Arc;
use std::time::Duration;

use ingest::Endpoint;
use ledger::{HeldConnection, ProcessReport, ProcessRole, RefusedSignatures, Registrations};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use worker::Meters;

use super::Roles;
use super::growth::Growth;
use super::heartbeat::Heartbeat;
use crate::config::Config;
use crate::engines::Engines;
use crate::failure::{Failure, with_causes};
use crate::operator::workers::{Waiting, Workers};

/// How often the process reports itself.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// How long one write may take.
const WRITE_WITHIN: Duration = Duration::from_secs(4);
/// Heartbeats between two looks whether anybody delivers; on a broker each asks every process.
const LOOK_EVERY: u32 = 3;
/// Connections whose refused signatures are reported, at most.
const REFUSED_REPORTED: usize = 100;

/// The first report of a process with these roles; `None` if it neither accepts nor delivers events.
pub(super) fn report(roles: Roles, engines: &Engines) -> Option<ProcessReport> {
    let role = match roles {
        Roles { ingest: true, worker: true, .. } => ProcessRole::Serve,
        Roles { ingest: true, worker: false, .. } => ProcessRole::Ingest,
        Roles { ingest: false, worker: true, .. } => ProcessRole::Worker,
        Roles { ingest: false, worker: false, .. } => return None,
    };
    let now = engines.now();
    Some(ProcessReport {
        id: engines.new_id(),
        role,
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: now,
        beat_at: now,
        ended_at: None,
        connections: Vec::new(),
        notes_arrivals: true,
        untaken_since: None,
        registrations: None,
        refused_signatures: Vec::new(),
    })
}

fn held(meters: &Meters) -> Vec<HeldConnection> {
    let rates = meters.rates();
    meters.held().into_iter().map(|id| HeldConnection { id, rate: rates.get(&id).copied() }).collect()
}

fn registrations(endpoint: &Endpoint) -> Option<Registrations> {
    endpoint.registrations().map(|it| Registrations {
        registered: it.registered,
        refused: it.refused,
        limited: it.limited,
        unavailable: it.unavailable,
    })
}

fn refused_signatures(endpoint: &Endpoint) -> Vec<RefusedSignatures> {
    let refused = endpoint.refused_signatures(REFUSED_REPORTED).into_iter();
    let report = |it: ingest::RefusedSignatures| RefusedSignatures {
        connection: it.connection,
        missing: it.missing,
        wrong: it.wrong,
        last_at: it.last_at,
    };
    refused.map(report).collect()
}

/// Reports one process.
#[derive(Clone)]
pub(super) struct Reporter {
    pub(super) heartbeat: Heartbeat,
    pub(super) engines: Engines,
    pub(super) config: Config,
    pub(super) meters: Option<Arc<Meters>>,
    pub(super) endpoint: Option<Arc<Endpoint>>,
    pub(super) report: ProcessReport,
}

impl Reporter {
    pub(super) async fn beat_until(&self, stop: &CancellationToken) {
        let mut growth = Growth::default();
        for beats in 0_u32.. {
            self.write(false).await;
            if self.report.role.accepts() {
                self.compare(&mut growth).await;
            }
            if !self.report.role.delivers() && beats % LOOK_EVERY == 0 {
                self.look().await;
            }
            if stop.run_until_cancelled(tokio::time::sleep(BEAT_EVERY)).await.is_none() {
                break;
            }
        }
        self.write(true).await;
    }

    async fn write(&self, has_ended: bool) {
        let now = self.engines.now();
        let held = self.meters.as_ref().map(|meters| held(meters)).unwrap_or_default();
        let report = ProcessReport {
            beat_at: now,
            ended_at: has_ended.then_some(now),
            connections: if has_ended { Vec::new() } else { held },
            untaken_since: if has_ended { None } else { self.heartbeat.untaken_since() },
            registrations: self.endpoint.as_deref().and_then(registrations),
            refused_signatures: self.endpoint.as_deref().map(refused_signatures).unwrap_or_default(),
            ..self.report.clone()
        };
        let (ledger, queue) = tokio::join!(
            timeout(WRITE_WITHIN, self.engines.monitoring.report(&report)),
            timeout(WRITE_WITHIN, self.engines.queue.prove_writing()),
        );
        let late = || format!("no answer within {} s", WRITE_WITHIN.as_secs());
        let ledger = ledger.map_or_else(|_| Err(late()), |it| it.map_err(|error| with_causes(&error)));
        let queue = queue.map_or_else(|_| Err(late()), |it| it.map_err(|error| with_causes(&error)));
        self.heartbeat.change(|known| {
            known.ledger.note("ledger", ledger);
            known.queue.note("queue", queue);
        });
    }

    /// Logs a warning when the queue has grown fast.
    async fn compare(&self, growth: &mut Growth) {
        let now = Instant::now();
        if !growth.is_due(now) {
            return;
        }
        let Ok(depth) = self.engines.queue.depth().await else { return };
        let events = depth.live + depth.bulk;
        if let Some(before) = growth.note(events, now) {
            tracing::warn!(events, before, "the queue grows fast: `status` shows which processes deliver");
        }
    }

    /// Looks whether any process delivers. A failed read is no sign that none does.
    async fn look(&self) {
        let now = self.engines.now();
        match self.unserved().await {
            Ok(Some((waiting, why))) => self.heartbeat.change(|known| {
                let since = known.unserved.as_ref().map_or_else(Instant::now, |(since, _)| *since);
                known.unserved = Some((since, why));
                known.untaken_since = (waiting.queued > 0).then(|| known.untaken_since.unwrap_or(now));
            }),
            Ok(None) => self.heartbeat.change(|known| {
                known.unserved = None;
                known.untaken_since = None;
            }),
            Err(failure) => {
                tracing::debug!(error = failure.message, "the check whether any process delivers failed")
            }
        }
    }

    pub(super) async fn unserved(&self) -> Result<Option<(Waiting, String)>, Failure> {
        let workers = Workers::read(&self.engines, &self.config).await?;
        if workers.delivers() {
            return Ok(None);
        }
        let waiting = Waiting::read(&self.engines).await?;
        Ok(workers.unserved(&waiting).map(|why| (waiting, why)))
    }
}
