//! `status`: how much waits where, and how the connections are.

use connections::{Connection, Settings};
use ledger::Counts;
use serde::Serialize;

use super::retention::Standing;
use super::{Context, files};
use crate::capacity::{Gauge, Reason, Refusals, decide};
use crate::config::Config;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};
use crate::operator::directory::state_words;
use crate::output::Output;

/// What the help shows.
pub const EXAMPLES: &str = "\
Examples:
  refersion-destination status
  refersion-destination status --json
  refersion-destination status --config production.toml

All is told when queue, pending and dirty are 0. Waiting persons lack something that nobody has said yet; `profiles
show` says what. A trait that no field takes reaches Refersion once a custom field is set for it
(`connections set NAME --custom-field TRAIT=ID`).";

/// The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
struct Status {
    queue: Queue,
    pending: u64,
    dirty: u64,
    waiting: u64,
    held_back: u64,
    dead_letters: u64,
    ledger: Ledger,
    connections: Vec<Row>,
    /// What keeps the whole installation from working; empty if nothing does.
    problems: Vec<&'static str>,
    outcomes: std::collections::BTreeMap<String, u64>,
    retention: Standing,
}

#[derive(Debug, Serialize)]
struct Queue {
    live: u64,
    bulk: u64,
    /// Damaged files that events were rescued from.
    rescues: Vec<Rescued>,
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
    /// Why new events of this connection are not taken in; null while they are.
    refused_for: Option<&'static str>,
    #[serde(skip)]
    refused_because: Option<&'static str>,
    due: u64,
    rate: f64,
    pending: u64,
    dirty: u64,
    waiting: u64,
    held_back: u64,
    dead_letters: u64,
    dead_letters_by_class: std::collections::BTreeMap<String, u64>,
    unmapped_traits: Vec<Unmapped>,
    /// Events that said more such traits than are counted by name: if there are any, the list is a sample.
    unmapped_beyond: u64,
}

#[derive(Debug, Serialize)]
struct Unmapped {
    #[serde(rename = "trait")]
    name: String,
    events: u64,
}

/// What is said of a ledger without a connection.
const NO_CONNECTION: &str = "there is no connection, so every event is answered 503: add one with `connections add`, or \
     name the right ledger";

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
        show(&status, &mut context.output)?;
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
    let mut rows = Vec::new();
    for connection in engines.connections.list().await? {
        let counts = engines.ledger.counts(Some(connection.id), engines.now()).await?;
        rows.push(row(&connection, counts, refusals.connections.get(&connection.id).copied()));
    }
    Ok(Status {
        queue: Queue { live: depth.live, bulk: depth.bulk, rescues },
        pending: all.pending,
        dirty: all.dirty,
        waiting: all.waiting,
        held_back: all.held_back,
        dead_letters: all.dead_letters,
        ledger: Ledger {
            bytes: measured.ledger_bytes,
            max_bytes: gauge.limits().ledger_bytes,
            disk_free_bytes: measured.free_bytes,
            refused_for: refusals.everyone.map(Reason::word),
            refused_because: refusals.everyone.map(Reason::in_words),
        },
        problems: rows.is_empty().then_some(NO_CONNECTION).into_iter().collect(),
        connections: rows,
        outcomes: all.outcomes,
        retention: Standing::of(engines.ledger.sweep_clock(engines.now()).await?, config),
    })
}

fn rescued(rescue: queue::sqlite::Rescue) -> Rescued {
    let queue::sqlite::Rescue { at, file, rescued, unreadable } = rescue;
    Rescued { at, file, rescued, unreadable }
}

fn row(connection: &Connection, counts: Counts, refused: Option<Reason>) -> Row {
    let (state, paused_for) = state_words(connection.state);
    let ceiling = connection.settings.rate_per_second;
    Row {
        name: connection.name.to_string(),
        state,
        paused_for,
        paused_because: connection.paused_because.clone(),
        refused_for: refused.map(Reason::word),
        refused_because: refused.map(Reason::in_words),
        due: counts.due,
        rate: connection.learned_rate.map_or(ceiling, |learned| learned.min(ceiling)),
        pending: counts.pending,
        dirty: counts.dirty,
        waiting: counts.waiting,
        held_back: counts.held_back,
        dead_letters: counts.dead_letters,
        unmapped_beyond: counts.unmapped_beyond,
        dead_letters_by_class: counts.dead_letters_by_class,
        unmapped_traits: counts
            .unmapped
            .into_iter()
            .filter(|(name, _)| !is_mapped(&connection.settings, name))
            .map(|(name, events)| Unmapped { name, events })
            .collect(),
    }
}

/// Whether a custom field takes the trait by now; it was counted when none did.
fn is_mapped(settings: &Settings, name: &str) -> bool {
    let mapped = settings.custom_fields.keys().chain(&settings.paypal_trait);
    mapped.into_iter().any(|mapped| segment::fold_key(mapped) == segment::fold_key(name))
}

fn show(status: &Status, output: &mut Output) -> Result<(), Failure> {
    let line = |name: &str, count: u64, what: &str| vec![name.to_owned(), count.to_string(), what.to_owned()];
    output.table(
        &["WHAT", "COUNT", ""],
        &[
            line("queue, live", status.queue.live, "events accepted, not yet absorbed"),
            line("queue, bulk", status.queue.bulk, "the same, of Engage syncs"),
            line("pending", status.pending, "events absorbed, not yet ended"),
            line("dirty", status.dirty, "persons that differ from what Refersion was told"),
            line("waiting", status.waiting, "persons that lack something nobody has said yet"),
            line("held back", status.held_back, "payout fields that need your word: `profiles show`"),
            line("dead letters", status.dead_letters, "events that need you: `dead-letters list`"),
            line("ledger, MiB", status.ledger.bytes >> 20, &ledger_limit(&status.ledger)),
        ],
    )?;
    let row = |row: &Row| {
        let paused = row.paused_for.map_or_else(String::new, |reason| format!(" ({reason})"));
        let numbers = [row.due, row.pending, row.dirty, row.waiting, row.held_back, row.dead_letters];
        let mut cells =
            vec![row.name.clone(), format!("{}{paused}", row.state), format!("{:.1}/s", row.rate)];
        cells.extend(numbers.map(|number| number.to_string()));
        cells
    };
    output.line("")?;
    let head = ["CONNECTION", "STATE", "RATE", "DUE", "PENDING", "DIRTY", "WAITING", "HELD", "DEAD"];
    output.table(&head, &status.connections.iter().map(row).collect::<Vec<_>>())?;
    if let Some(because) = status.ledger.refused_because {
        output.line(&format!("\nno new events are taken in: {because}"))?;
    }
    for problem in &status.problems {
        output.line(&format!("\n{problem}"))?;
    }
    for connection in &status.connections {
        if let Some(because) = connection.refused_because {
            output.line(&format!("\nno new events of {} are taken in: {because}", connection.name))?;
        }
        if let Some(because) = &connection.paused_because {
            output.line(&format!("\n{} is paused: {because}", connection.name))?;
        }
        classes(connection, output)?;
        unmapped(connection, output)?;
    }
    if status.retention.is_behind {
        output.line(&format!("\nretention: {}", status.retention.in_words()))?;
    }
    for it in &status.queue.rescues {
        output.line(&format!(
            "\nthe queue was damaged on {}: {} events were rescued, {} were not readable; the damaged file is {}",
            it.at, it.rescued, it.unreadable, it.file
        ))?;
    }
    Ok(())
}

fn ledger_limit(ledger: &Ledger) -> String {
    match ledger.max_bytes {
        Some(limit) => format!("its size; new events are refused from {} MiB on", limit >> 20),
        None => "its size; no limit is set".to_owned(),
    }
}

/// Dead letters by class: a value that exceeds a bound, say, is `too_large`.
fn classes(connection: &Row, output: &mut Output) -> Result<(), Failure> {
    if connection.dead_letters_by_class.is_empty() {
        return Ok(());
    }
    output.line(&format!("\n{}: dead letters by class", connection.name))?;
    let rows: Vec<_> = connection
        .dead_letters_by_class
        .iter()
        .map(|(class, letters)| vec![class.clone(), letters.to_string()])
        .collect();
    output.table(&["CLASS", "LETTERS"], &rows)
}

fn unmapped(connection: &Row, output: &mut Output) -> Result<(), Failure> {
    if connection.unmapped_traits.is_empty() {
        return Ok(());
    }
    output.line(&format!("\n{}: no field of Refersion takes these traits", connection.name))?;
    let rows: Vec<_> =
        connection.unmapped_traits.iter().map(|it| vec![it.name.clone(), it.events.to_string()]).collect();
    output.table(&["TRAIT", "EVENTS"], &rows)?;
    if connection.unmapped_beyond > 0 {
        let events = connection.unmapped_beyond;
        output.line(&format!("The list is a sample: {events} events have more traits than are counted."))?;
    }
    Ok(())
}
