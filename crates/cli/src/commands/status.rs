//! `status`: how much waits where, and how the connections are.

use connections::{Connection, Settings};
use ledger::Counts;
use serde::Serialize;

use super::Context;
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
    dead_letters: u64,
    connections: Vec<Row>,
    outcomes: std::collections::BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Queue {
    live: u64,
    bulk: u64,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    state: &'static str,
    paused_for: Option<&'static str>,
    paused_because: Option<String>,
    due: u64,
    rate: f64,
    pending: u64,
    dirty: u64,
    waiting: u64,
    dead_letters: u64,
    dead_letters_by_class: std::collections::BTreeMap<String, u64>,
    unmapped_traits: Vec<Unmapped>,
}

#[derive(Debug, Serialize)]
struct Unmapped {
    #[serde(rename = "trait")]
    name: String,
    events: u64,
}

/// Shows the status.
///
/// # Errors
///
/// [`Failure`] if the queue or the ledger cannot be read.
pub async fn run(context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let status = read(&engines).await?;
    if context.output.is_json() {
        context.output.json(&status)?;
    } else {
        show(&status, &mut context.output)?;
    }
    Ok(Exit::Done)
}

async fn read(engines: &Engines) -> Result<Status, Failure> {
    // The queue goes first: an event that moves on meanwhile is counted twice rather than not at all.
    let depth = engines.queue.depth().await?;
    let all = engines.ledger.counts(None, engines.now()).await?;
    let mut rows = Vec::new();
    for connection in engines.connections.list().await? {
        let counts = engines.ledger.counts(Some(connection.id), engines.now()).await?;
        rows.push(row(&connection, counts));
    }
    Ok(Status {
        queue: Queue { live: depth.live, bulk: depth.bulk },
        pending: all.pending,
        dirty: all.dirty,
        waiting: all.waiting,
        dead_letters: all.dead_letters,
        connections: rows,
        outcomes: all.outcomes,
    })
}

fn row(connection: &Connection, counts: Counts) -> Row {
    let (state, paused_for) = state_words(connection.state);
    let ceiling = connection.settings.rate_per_second;
    Row {
        name: connection.name.to_string(),
        state,
        paused_for,
        paused_because: connection.paused_because.clone(),
        due: counts.due,
        rate: connection.learned_rate.map_or(ceiling, |learned| learned.min(ceiling)),
        pending: counts.pending,
        dirty: counts.dirty,
        waiting: counts.waiting,
        dead_letters: counts.dead_letters,
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
            line("dead letters", status.dead_letters, "events that need you: `dead-letters list`"),
        ],
    )?;
    let row = |row: &Row| {
        let paused = row.paused_for.map_or_else(String::new, |reason| format!(" ({reason})"));
        let numbers = [row.due, row.pending, row.dirty, row.waiting, row.dead_letters];
        let mut cells =
            vec![row.name.clone(), format!("{}{paused}", row.state), format!("{:.1}/s", row.rate)];
        cells.extend(numbers.map(|number| number.to_string()));
        cells
    };
    output.line("")?;
    let head = ["CONNECTION", "STATE", "RATE", "DUE", "PENDING", "DIRTY", "WAITING", "DEAD"];
    output.table(&head, &status.connections.iter().map(row).collect::<Vec<_>>())?;
    for connection in &status.connections {
        if let Some(because) = &connection.paused_because {
            output.line(&format!("\n{} is paused: {because}", connection.name))?;
        }
        classes(connection, output)?;
        unmapped(connection, output)?;
    }
    Ok(())
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
    output.table(&["TRAIT", "EVENTS"], &rows)
}
