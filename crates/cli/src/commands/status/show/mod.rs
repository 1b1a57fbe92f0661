//! The status as tables for people.

use jiff::{SignedDuration, Timestamp};

use super::{Ledger, Process, Row, Status, notes, shared};
use service::failure::Failure;
use service::output::{Output, age, cut, spare, whole};

/// How long a process is shown after its last heartbeat.
const SHOWN_AFTER_ITS_END: SignedDuration = SignedDuration::from_hours(24);
/// Upper limit of processes that are shown.
const MAX_PROCESSES_SHOWN: usize = 20;

pub(super) fn show(status: &Status, now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    counts(status, output)?;
    ages(status, now, output)?;
    processes(&status.processes, now, output)?;
    output.line("")?;
    connections(&status.connections, output)?;
    if let Some(because) = status.ledger.refused_because {
        output.line(&format!("\nno new events are accepted: {because}"))?;
    }
    notes::missing(status.queue.missing.as_ref(), output)?;
    for problem in &status.problems {
        output.line(&format!("\n{problem}"))?;
    }
    status.notifications.show(output).and_then(|()| status.registration.show(output))?;
    status.connections.iter().try_for_each(|connection| remarks(connection, output))?;
    if status.retention.is_behind {
        output.line(&format!("\nretention: {}", status.retention.in_words()))?;
    }
    rescues(status, output)
}

/// Numbers of waiting events and persons.
fn counts(status: &Status, output: &mut Output) -> Result<(), Failure> {
    let line = |name: &str, count: u64, what: &str| vec![name.to_owned(), count.to_string(), what.to_owned()];
    output.table(
        &["WHAT", "COUNT", ""],
        &[
            line("queue, live", status.queue.live, "events accepted, not yet absorbed"),
            line("queue, bulk", status.queue.bulk, "the same, of Engage syncs"),
            line("pending", status.pending, "events absorbed, not yet ended"),
            line("dirty", status.dirty, "persons that differ from the values last sent"),
            line("waiting", status.waiting, "persons that lack something that no event has stated"),
            line("held back", status.held_back, "payout fields to be confirmed: `profiles show`"),
            line("dead letters", status.dead_letters, "events to be corrected: `dead-letters list`"),
            line("ledger, MiB", status.ledger.bytes >> 20, &ledger_limit(&status.ledger)),
        ],
    )
}

fn connections(rows: &[Row], output: &mut Output) -> Result<(), Failure> {
    let row = |row: &Row| {
        let paused = row.paused_for.map_or_else(String::new, |reason| format!(" ({reason})"));
        let numbers = [row.due, row.pending, row.dirty, row.waiting, row.held_back, row.dead_letters];
        let mut cells =
            vec![row.name.clone(), format!("{}{paused}", row.state), format!("{:.1}/s", row.rate)];
        cells.extend(numbers.map(|number| number.to_string()));
        cells
    };
    let head = [
        whole("CONNECTION"),
        whole("STATE"),
        cut("RATE"),
        cut("DUE"),
        cut("PENDING"),
        cut("DIRTY"),
        spare("WAITING"),
        spare("HELD BACK"),
        cut("DEAD"),
    ];
    output.table(&head, &rows.iter().map(row).collect::<Vec<_>>())
}

/// The reasons why the events of a connection do not move.
fn remarks(connection: &Row, output: &mut Output) -> Result<(), Failure> {
    if let Some(because) = connection.refused_because {
        output.line(&format!("\nno new events of {} are accepted: {because}", connection.name))?;
    }
    if let Some(because) = &connection.paused_because {
        let hint = connection.pause_hint.as_deref().unwrap_or_default();
        output.line(&format!("\n{} is paused: {because}: {hint}", connection.name))?;
    }
    notes::waits(connection, output)?;
    notes::not_cleared(connection, output)?;
    notes::classes(connection, output)?;
    notes::unmapped(connection, output)?;
    connection.left_out.show(&connection.name, output)?;
    shared::show(&connection.shared_identifiers, &connection.name, output)
}

fn rescues(status: &Status, output: &mut Output) -> Result<(), Failure> {
    for it in &status.queue.rescues {
        output.line(&format!(
            "\nthe queue was damaged on {}: {} events were rescued, {} were not readable; the damaged file is {}",
            it.at, it.rescued, it.unreadable, it.file
        ))?;
    }
    Ok(())
}

/// How long the oldest events have waited.
fn ages(status: &Status, now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    for (what, oldest) in [("queue", status.queue.oldest), ("ledger", status.oldest_pending)] {
        if let Some(oldest) = oldest {
            output.line(&format!("the oldest event in the {what} was accepted {} ago", age(oldest, now)))?;
        }
    }
    let Some(since) = status.queue.untaken_since else { return Ok(()) };
    output.line(&format!("no worker has taken events from the queue for at least {}", age(since, now)))
}

/// Processes that run, and those that ended or fell silent within a day.
fn processes(all: &[Process], now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    let is_recent = |it: &&Process| it.alive || now.duration_since(it.last_heartbeat) < SHOWN_AFTER_ITS_END;
    let recent: Vec<&Process> = all.iter().filter(is_recent).collect();
    if recent.is_empty() {
        return Ok(());
    }
    let row = |it: &&Process| {
        let state = match (it.alive, it.ended_at) {
            (true, _) => "runs",
            (false, Some(_)) => "ended",
            (false, None) => "silent",
        };
        let pid = it.pid.to_string();
        let (heartbeat, connections) = (age(it.last_heartbeat, now), it.connections.join(" "));
        vec![
            it.role.to_owned(),
            state.to_owned(),
            heartbeat,
            it.host.clone(),
            pid,
            it.version.clone(),
            connections,
        ]
    };
    output.line("")?;
    let head = [
        whole("PROCESS"),
        whole("STATE"),
        whole("HEARTBEAT"),
        cut("HOST"),
        spare("PID"),
        spare("VERSION"),
        cut("DELIVERS FOR"),
    ];
    output.table(&head, &recent.iter().take(MAX_PROCESSES_SHOWN).map(row).collect::<Vec<_>>())?;
    if recent.len() > MAX_PROCESSES_SHOWN {
        output.line(&format!("{MAX_PROCESSES_SHOWN} of {} shown; --json has all", recent.len()))?;
    }
    Ok(())
}

fn ledger_limit(ledger: &Ledger) -> String {
    match ledger.max_bytes {
        Some(limit) => format!("its size; new events are refused from {} MiB on", limit >> 20),
        None => "its size; no limit is set".to_owned(),
    }
}

#[cfg(test)]
mod tests;
