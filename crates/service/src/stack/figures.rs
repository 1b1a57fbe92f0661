//! Copies the counts of the roles into the metrics' figures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use connections::{Connection, State};
use ingest::Endpoint;
use jiff::Timestamp;
use ledger::AudienceCounts;
use queue::Queue;
use worker::meters::{LATENCY_BOUNDS, Meters};

use crate::clock::Clock;
use crate::config::Config;
use crate::engines::awaited::Awaited;
use crate::logs;
use crate::metrics::{
    AudienceFigures, ConnectionFigures, Histogram, IngestFigures, LedgerFigures, LogFigures, QueueFigures,
    Settling, Snapshot, Source, WorkerFigures,
};
use crate::operator::workers::Workers;

/// The sources of a process with these parts.
pub(super) fn sources(
    queue: &Arc<dyn Queue>,
    clock: &Clock,
    (awaited, config): (&Awaited, &Config),
    endpoint: Option<&Arc<Endpoint>>,
    meters: Option<&Arc<Meters>>,
) -> Vec<Box<dyn Source>> {
    let mut sources: Vec<Box<dyn Source>> = vec![
        Box::new(LogSource),
        Box::new(QueueSource(Arc::clone(queue), Arc::clone(clock))),
        Box::new(LedgerSource(awaited.clone(), config.clone())),
    ];
    if let Some(endpoint) = endpoint {
        sources.push(Box::new(EndpointSource(Arc::clone(endpoint))));
    }
    if let Some(meters) = meters {
        sources.push(Box::new(WorkerSource(Arc::clone(meters))));
    }
    sources
}

/// How long ago something was, in seconds.
fn age(at: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(at).as_secs_f64().max(0.0)
}

struct LogSource;

#[async_trait]
impl Source for LogSource {
    fn name(&self) -> &'static str {
        "log"
    }

    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()> {
        let missing = logs::missing();
        snapshot.log = LogFigures { lost: missing.lost, repeated: missing.repeated };
        Ok(())
    }
}

struct QueueSource(Arc<dyn Queue>, Clock);

#[async_trait]
impl Source for QueueSource {
    fn name(&self) -> &'static str {
        "queue"
    }

    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()> {
        let depth = self.0.depth().await?;
        let (oldest, bytes) = (self.0.oldest().await?, self.0.stored_bytes().await?);
        let oldest = oldest.map(|at| age(at, (self.1)()));
        snapshot.queue = Some(QueueFigures { live: depth.live, bulk: depth.bulk, oldest, bytes });
        Ok(())
    }
}

struct LedgerSource(Awaited, Config);

#[async_trait]
impl Source for LedgerSource {
    fn name(&self) -> &'static str {
        "ledger"
    }

    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()> {
        let engines = self.0.get().context("the ledger is not open yet")?;
        let counts = engines.ledger.counts(None, engines.now()).await?;
        let connections = engines.connections.list().await?;
        let oldest = if counts.pending > 0 { engines.monitoring.oldest_pending().await? } else { None };
        let workers = Workers::read(engines, &self.1).await.map_err(|failure| anyhow!(failure.message))?;
        snapshot.ledger = Some(LedgerFigures {
            pending: counts.pending,
            dirty: counts.dirty,
            waiting: counts.waiting,
            dead_letters: counts.dead_letters,
            dead_letters_by_class: engines.monitoring.open_dead_letters().await?,
            oldest: oldest.map(|at| age(at, engines.now())),
            untaken: workers.untaken_since().map(|at| age(at, engines.now())),
            connections: connections.iter().map(connection).collect(),
            audiences: engines.ledger.audience_counts(None).await?.into_iter().map(audience).collect(),
        });
        Ok(())
    }
}

fn audience(it: AudienceCounts) -> AudienceFigures {
    let persons = vec![
        ("members", it.members),
        ("left", it.left),
        ("affiliates", it.affiliates),
        ("held", it.held),
        ("delivered", it.delivered),
        ("waiting", it.waiting),
        ("refused", it.refused),
    ];
    AudienceFigures { connection: it.audience.connection, name: it.audience.named.name, persons }
}

fn connection(connection: &Connection) -> ConnectionFigures {
    let paused_for = match connection.state {
        State::Active => None,
        State::Paused(reason) => Some(reason.as_str()),
    };
    ConnectionFigures { id: connection.id, name: connection.name.to_string(), paused_for }
}

struct EndpointSource(Arc<Endpoint>);

#[async_trait]
impl Source for EndpointSource {
    fn name(&self) -> &'static str {
        "door"
    }

    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()> {
        let figures = self.0.figures();
        let ingest::Latency { buckets, beyond, seconds } = figures.latency;
        snapshot.ingest = Some(IngestFigures {
            requests: figures.answers,
            accepted_events: figures.accepted,
            answers: Histogram { buckets, beyond, seconds },
            connections_open: figures.connections.open,
            connections_closed_idle: figures.connections.closed_idle,
            connections_refused: figures.connections.refused,
            body_bytes: figures.body_bytes,
            registrations: figures.registrations.map(registrations).unwrap_or_default(),
        });
        Ok(())
    }
}

fn registrations(it: ingest::RegistrationFigures) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([
        ("registered", it.registered),
        ("refused", it.refused),
        ("limited", it.limited),
        ("unavailable", it.unavailable),
    ])
}

struct WorkerSource(Arc<Meters>);

#[async_trait]
impl Source for WorkerSource {
    fn name(&self) -> &'static str {
        "worker"
    }

    async fn fill(&self, snapshot: &mut Snapshot) -> anyhow::Result<()> {
        let meters = &self.0;
        let settling = |it: worker::meters::Settling| Settling {
            events: it.events,
            seconds: it.seconds,
            longest: it.longest,
        };
        snapshot.worker = Some(WorkerFigures {
            absorbed_events: meters.absorbed.load(Ordering::Relaxed),
            absorbed_batches: meters.batches.load(Ordering::Relaxed),
            too_large_events: meters.too_large.load(Ordering::Relaxed),
            blocked_identifiers: meters.blocked_identifiers(),
            shared_identifiers: meters.shared_identifiers(),
            unusable_values: meters.unusable_values(),
            outcomes: meters.outcomes(),
            calls: meters.calls(),
            call_latency: latencies(meters),
            settling: meters.settling().into_iter().map(|(lane, it)| (lane, settling(it))).collect(),
            rates: meters.rates(),
        });
        Ok(())
    }
}

fn latencies(meters: &Meters) -> Histogram {
    let counts = meters.latencies();
    Histogram {
        buckets: LATENCY_BOUNDS.into_iter().zip(counts).collect(),
        beyond: counts[LATENCY_BOUNDS.len()],
        seconds: meters.call_time().as_secs_f64(),
    }
}
