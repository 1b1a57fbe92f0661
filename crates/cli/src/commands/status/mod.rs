//! `status`: numbers of waiting events, the running processes, and the state of the connections.

mod left_out;
mod notes;
mod notifications;
pub(super) mod registration;
mod row;
mod shared;
mod show;

use std::collections::BTreeMap;

use connections::Connection;
use jiff::Timestamp;
use ledger::ProcessReport;
use serde::Serialize;

use self::registration::Registration;
use super::retention::RetentionState;
use super::{Context, files};
use row::Row;
use service::arrivals::Summary;
use service::capacity::{Gauge, Measured, Reason, Refusals, decide};
use service::config::Config;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::workers::{Waiting, Workers};

/// The examples in the help.
pub const EXAMPLES: &str = "\
Examples:
  refersion-destination status
  refersion-destination status --json
  refersion-destination status --config production.toml

Everything is delivered when queue, pending and dirty are 0. Waiting persons lack something that no event has stated
yet; `profiles show` shows it. A trait that no field takes reaches Refersion once a custom field is set for it
(`connections set NAME --custom-field TRAIT=ID`).";

/// The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
struct Status {
    queue: Queue,
    pending: u64,
    dirty: u64,
    waiting: u64,
    held_back: u64,
    /// Affiliates that keep a value which should be removed, because Refersion does not let it be emptied or overwritten, by field.
    not_cleared: BTreeMap<String, u64>,
    dead_letters: u64,
    ledger: Ledger,
    connections: Vec<Row>,
    /// Every process that runs, or ran within a week; newest heartbeat first.
    processes: Vec<Process>,
    /// When the oldest pending event was accepted.
    oldest_pending: Option<Timestamp>,
    /// Problems that keep the whole installation from working; empty if there are none.
    problems: Vec<String>,
    registration: Registration,
    outcomes: BTreeMap<String, u64>,
    retention: RetentionState,
    notifications: notifications::Notifications,
}

#[derive(Debug, Serialize)]
struct Queue {
    live: u64,
    bulk: u64,
    /// When the oldest event in it was accepted; left out if it is empty, and on a broker of which no worker holds any.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<Timestamp>,
    /// Events that a broker confirmed and that never arrived; null if there are none.
    missing: Option<Summary>,
    /// Since when events have waited in it while no worker ran, as far as a running process has seen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    untaken_since: Option<Timestamp>,
    /// Damaged files that events were rescued from.
    rescues: Vec<Rescued>,
}

#[derive(Debug, Serialize)]
struct Process {
    role: &'static str,
    host: String,
    pid: u32,
    version: String,
    started_at: Timestamp,
    last_heartbeat: Timestamp,
    /// When it ended in order; null while it runs, and for one that was killed.
    ended_at: Option<Timestamp>,
    /// Its heartbeat is fresh, and it has not ended.
    alive: bool,
    /// The names of the connections that it delivers for.
    connections: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Rescued {
    at: jiff::Timestamp,
    file: String,
    rescued: u64,
    unreadable: u64,
}

#[derive(Debug, Serialize)]
struct Ledger {
    bytes: u64,
    max_bytes: Option<u64>,
    disk_free_bytes: Option<u64>,
    /// The reason why no new events are accepted; null while they are.
    refused_for: Option<&'static str>,
    #[serde(skip)]
    refused_because: Option<&'static str>,
}

/// Shows the status.
///
/// # Errors
///
/// [`Failure`] if the queue or the ledger cannot be read.
pub async fn run(context: &mut Context) -> Result<Exit, Failure> {
    files::refuse_if_damaged(&context.loaded.config).await?;
    let engines = context.engines().await?;
    let status = read(&engines, &context.loaded.config).await?;
    if context.output.is_json() {
        context.output.json(&status)?;
    } else {
        show::show(&status, engines.now(), &mut context.output)?;
    }
    Ok(Exit::Done)
}

async fn read(engines: &Engines, config: &Config) -> Result<Status, Failure> {
    // The queue is read first: an event that is absorbed in between is counted twice rather than not at all.
    let depth = engines.queue.depth().await?;
    let rescues = engines.queue.rescues().await?.into_iter().map(rescued).collect();
    let all = engines.ledger.counts(None, engines.now()).await?;
    let gauge = Gauge::new(config);
    let measured = gauge.measure_once(engines).await?;
    let refusals = decide(gauge.limits(), &measured, &Refusals::default());
    let workers = Workers::read(engines, config).await?;
    let connections = engines.connections.list().await?;
    let rows = row::rows(engines, &connections, &refusals, &workers).await?;
    let waiting = Waiting { queued: depth.live + depth.bulk, pending: all.pending };
    let registration = Registration::of(config, &workers);
    let no_connection = registration.problem(!rows.is_empty());
    let nobody = workers.unserved(&waiting).or_else(|| workers.missing().map(str::to_owned));
    let oldest_pending = if all.pending > 0 { engines.monitoring.oldest_pending().await? } else { None };
    let missing = Summary::of(&engines.arrivals.missing().await?);
    let (oldest, untaken_since) = (engines.queue.oldest().await?, workers.untaken_since());
    let queue = Queue { live: depth.live, bulk: depth.bulk, oldest, untaken_since, missing, rescues };
    Ok(Status {
        queue,
        processes: workers.processes.iter().map(|it| process(it, &workers, &connections)).collect(),
        oldest_pending,
        pending: all.pending,
        dirty: all.dirty,
        waiting: all.waiting,
        held_back: all.held_back,
        not_cleared: all.stuck,
        dead_letters: all.dead_letters,
        ledger: ledger(&measured, &gauge, &refusals),
        problems: no_connection.into_iter().chain(nobody).collect(),
        registration,
        connections: rows,
        outcomes: all.outcomes,
        retention: RetentionState::of(engines.ledger.sweep_clock(engines.now()).await?, config),
        notifications: notifications::Notifications::read(engines).await?,
    })
}

fn ledger(measured: &Measured, gauge: &Gauge, refusals: &Refusals) -> Ledger {
    Ledger {
        bytes: measured.ledger_bytes,
        max_bytes: gauge.limits().ledger_bytes,
        disk_free_bytes: measured.free_bytes,
        refused_for: refusals.everyone.map(Reason::word),
        refused_because: refusals.everyone.map(Reason::in_words),
    }
}

fn process(it: &ProcessReport, workers: &Workers, connections: &[Connection]) -> Process {
    let name = |id| connections.iter().find(|connection| connection.id == id).map(|it| it.name.to_string());
    Process {
        role: it.role.word(),
        host: it.host.clone(),
        pid: it.pid,
        version: it.version.clone(),
        started_at: it.started_at,
        last_heartbeat: it.beat_at,
        ended_at: it.ended_at,
        alive: workers.is_alive(it),
        connections: it.connections.iter().filter_map(|held| name(held.id)).collect(),
    }
}

fn rescued(rescue: queue::sqlite::Rescue) -> Rescued {
    let queue::sqlite::Rescue { at, file, rescued, unreadable } = rescue;
    Rescued { at, file, rescued, unreadable }
}
