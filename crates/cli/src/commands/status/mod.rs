//! `status`: how much waits where, who works, and how the connections are.

mod left_out;
mod notes;
mod notifications;
pub(super) mod registration;
mod shared;
mod show;

use std::collections::BTreeMap;

use connections::Connection;
use jiff::Timestamp;
use ledger::{Counts, ProcessReport};
use serde::Serialize;

use self::{left_out::LeftOut, registration::Registration, shared::Shared};
use super::retention::Standing;
use super::{Context, files};
use notes::Unmapped;
use service::arrivals::Summary;
use service::capacity::{Gauge, Measured, Reason, Refusals, decide};
use service::config::Config;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::adoption::Adoption;
use service::operator::directory::{pause_hint, state_words, suspension_hint};
use service::operator::workers::{Waiting, Workers};

/// What the help shows.
pub const EXAMPLES: &str = "\
Examples:
  refersion-destination status
  refersion-destination status --json
  refersion-destination status --config production.toml

Everything is delivered when queue, pending and dirty are 0. Waiting persons lack something that no event has stated
yet; `profiles show` says what. A trait that no field takes reaches Refersion once a custom field is set for it
(`connections set NAME --custom-field TRAIT=ID`).";

/// The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
struct Status {
    queue: Queue,
    pending: u64,
    dirty: u64,
    waiting: u64,
    held_back: u64,
    /// Affiliates that keep a value which has to go, because Refersion does not let it be emptied or overwritten, by field.
    not_cleared: BTreeMap<String, u64>,
    dead_letters: u64,
    ledger: Ledger,
    connections: Vec<Row>,
    /// Every process that runs, or ran within a week; newest heartbeat first.
    processes: Vec<Process>,
    /// When the oldest pending event was accepted.
    oldest_pending: Option<Timestamp>,
    /// What keeps the whole installation from working; empty if nothing does.
    problems: Vec<String>,
    registration: Registration,
    outcomes: BTreeMap<String, u64>,
    retention: Standing,
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
    /// Since when events have waited in it while no worker ran, as far as a process that runs has seen it.
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
    /// When it ended in good order; null while it runs, and for one that was killed.
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
    /// Why no new event is taken in; null while they are.
    refused_for: Option<&'static str>,
    #[serde(skip)]
    refused_because: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    state: &'static str,
    paused_for: Option<&'static str>,
    paused_because: Option<String>,
    /// What to do about the pause.
    #[serde(skip)]
    pause_hint: Option<String>,
    /// What to do about each suspended field, by its id.
    #[serde(skip)]
    suspension_hints: BTreeMap<u64, String>,
    /// Until when Refersion asks to wait; null where it does not.
    asked_to_wait_until: Option<jiff::Timestamp>,
    /// Custom fields that are not sent because Refersion refuses them for everybody, by numeric id, and why.
    suspended_fields: BTreeMap<u64, String>,
    /// Since when, where it is known.
    suspended_since: BTreeMap<u64, Timestamp>,
    /// Why new events of this connection are not taken in; null while they are.
    refused_for: Option<&'static str>,
    #[serde(skip)]
    refused_because: Option<&'static str>,
    due: u64,
    /// The rate in use now, in calls a second; the learned one while nobody delivers.
    rate: f64,
    /// What the settings allow.
    rate_ceiling: f64,
    pending: u64,
    dirty: u64,
    waiting: u64,
    held_back: u64,
    not_cleared: BTreeMap<String, u64>,
    dead_letters: u64,
    dead_letters_by_class: BTreeMap<String, u64>,
    unmapped_traits: Vec<Unmapped>,
    /// Events that said more such traits than are counted by name: if there are any, the list is a sample.
    unmapped_beyond: u64,
    #[serde(flatten)]
    left_out: LeftOut,
    /// Identifiers that too many others are named with.
    shared_identifiers: Vec<Shared>,
    /// The walk through Refersion's affiliates.
    adoption: Option<Adoption>,
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
    // The queue goes first: an event that moves on meanwhile is counted twice rather than not at all.
    let depth = engines.queue.depth().await?;
    let rescues = engines.queue.rescues().await?.into_iter().map(rescued).collect();
    let all = engines.ledger.counts(None, engines.now()).await?;
    let gauge = Gauge::new(config);
    let measured = gauge.measure_once(engines).await?;
    let refusals = decide(gauge.limits(), &measured, &Refusals::default());
    let workers = Workers::read(engines, config).await?;
    let connections = engines.connections.list().await?;
    let rows = rows(engines, &connections, &refusals, &workers).await?;
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
        retention: Standing::of(engines.ledger.sweep_clock(engines.now()).await?, config),
        notifications: notifications::Notifications::read(engines).await?,
    })
}

async fn rows(
    engines: &Engines,
    connections: &[Connection],
    refusals: &Refusals,
    workers: &Workers,
) -> Result<Vec<Row>, Failure> {
    let (mut rows, rates) = (Vec::new(), workers.rates());
    for connection in connections {
        let counts = engines.ledger.counts(Some(connection.id), engines.now()).await?;
        let refused = refusals.connections.get(&connection.id).copied();
        let shared = shared::of(engines, connection.id, &counts).await?;
        let row = row(connection, counts, refused, rates.get(&connection.id).copied(), engines.now());
        let adoption = Some(Adoption::read(engines, connection, workers).await?);
        rows.push(Row { shared_identifiers: shared, adoption, ..row });
    }
    Ok(rows)
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

fn row(
    connection: &Connection,
    counts: Counts,
    refused: Option<Reason>,
    rate: Option<f64>,
    now: Timestamp,
) -> Row {
    let left_out = LeftOut::of(&counts);
    let suspended = connection.settings.suspended_fields.keys();
    let suspension_hints = suspended.map(|field| (*field, suspension_hint(connection, *field)));
    let (state, paused_for) = state_words(connection.state);
    let ceiling = connection.settings.rate_per_second;
    Row {
        name: connection.name.to_string(),
        state,
        paused_for,
        paused_because: connection.paused_because.clone(),
        pause_hint: pause_hint(connection),
        suspension_hints: suspension_hints.collect(),
        asked_to_wait_until: connection.asked_to_wait_until.filter(|until| *until > now),
        suspended_fields: connection.settings.suspended_fields.clone(),
        suspended_since: connection.settings.suspended_since.clone(),
        refused_for: refused.map(Reason::word),
        refused_because: refused.map(Reason::in_words),
        due: counts.due,
        rate: rate.or(connection.learned_rate).map_or(ceiling, |rate| rate.min(ceiling)),
        rate_ceiling: ceiling,
        pending: counts.pending,
        dirty: counts.dirty,
        waiting: counts.waiting,
        held_back: counts.held_back,
        not_cleared: counts.stuck,
        dead_letters: counts.dead_letters,
        unmapped_beyond: counts.unmapped_beyond,
        left_out,
        shared_identifiers: Vec::new(),
        adoption: None,
        dead_letters_by_class: counts.dead_letters_by_class,
        unmapped_traits: counts
            .unmapped
            .into_iter()
            .filter(|(name, _)| !notes::is_mapped(&connection.settings, name))
            .map(|(name, events)| Unmapped { name, events })
            .collect(),
    }
}
