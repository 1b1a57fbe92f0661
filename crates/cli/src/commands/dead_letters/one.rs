//! `dead-letters show`: one dead letter, its failed calls, the person as it is now, and later events.

use ledger::{AttemptView, DeadLetterView, EventView};
use serde::Serialize;
use serde_json::value::RawValue;

use super::repair::show_changes;
use super::row::Row;
use super::show::letter;
use crate::commands::{events, profiles};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;
use service::operator::events::{EventRow, find_by};
use service::operator::profile::{self, Profile};
use service::operator::repairs::{Advice, RevisionRow, revisions};
use service::output::{Output, counted};

/// Events of the same person that are shown: the newest.
const SHOWN: usize = 20;

/// Events of the same person that are counted beyond these.
const COUNTED: usize = 10_000;

/// A dead letter with all that helps to understand it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: Row,
    /// The event as it came, with its numbers as they were written; null once a delete erased it.
    payload: Option<Box<RawValue>>,
    /// The repairs of operators, the first revision first.
    revisions: Vec<RevisionRow>,
    /// Failed calls, oldest first: at most the newest 100, each with Refersion's message, without any value of a person.
    calls: Vec<AttemptView>,
    /// The persons that its event is about, as they are now.
    person: Vec<Profile>,
    /// Events of the same person that were received after it, the newest first, at most 20, including those that wait.
    later_events: Vec<EventRow>,
    /// Number of those events, as far as the newest 10,000 events of the person show.
    later_count: usize,
}

pub(super) async fn show(engines: &Engines, id: i64, context: &mut Context) -> Result<Exit, Failure> {
    let directory = Directory::read(engines, None).await?;
    let letter = letter(engines, id).await?;
    let (text, advice) = (letter.payload.clone(), Advice::about(&letter));
    let event = engines.dead_letters.event(letter.event).await?;
    let (person, later) = around(engines, &directory, &letter, event.as_ref()).await?;
    let revisions = revisions(engines, &letter).await?;
    let shown = Shown {
        revisions,
        row: Row::of(letter, &directory),
        payload: text.clone().map(as_json),
        calls: event.map(|event| event.attempts).unwrap_or_default(),
        person,
        later_count: later.len(),
        later_events: later.into_iter().take(SHOWN).collect(),
    };
    if context.output.is_json() {
        context.output.json(&shown)?;
    } else {
        as_tables(&shown, (text, advice), engines, &mut context.output)?;
    }
    Ok(Exit::Done)
}

/// The person, and the events that were received after this one.
async fn around(
    engines: &Engines,
    directory: &Directory,
    letter: &DeadLetterView,
    event: Option<&EventView>,
) -> Result<(Vec<Profile>, Vec<EventRow>), Failure> {
    let (Some(event), Some(connection)) = (event, directory.get(letter.connection)) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let person = profile::of_digests(engines, connection, &event.found_by).await?;
    let found = find_by(engines, directory, &event.found_by, COUNTED, 0).await?;
    let is_later = |row: &EventRow| (row.received_at, row.event_id) > (letter.received_at, letter.event);
    Ok((person, found.events.into_iter().filter(is_later).collect()))
}

fn as_tables(
    shown: &Shown,
    (payload, advice): (Option<String>, Option<Advice>),
    engines: &Engines,
    output: &mut Output,
) -> Result<(), Failure> {
    output.table(&["WHAT", "VALUE"], &shown.row.lines())?;
    if let Some(advice) = advice {
        output.line(&format!("\nwhat can be done: {}", advice.words()))?;
    }
    let now = engines.now();
    output.line("\nthe event as it was received")?;
    output.text(&payload.map_or_else(|| "(erased)".to_owned(), |payload| repair::pretty(&payload)))?;
    show_revisions(&shown.revisions, output)?;
    if !shown.calls.is_empty() {
        output.line("\nfailed calls")?;
        events::show_attempts(&shown.calls, now, output)?;
    }
    for profile in &shown.person {
        output.line("\nthe person now")?;
        profiles::show(profile, output)?;
    }
    output.line(&format!(
        "\nreceived after it, of the same person: {}",
        counted(shown.later_count as u64, "event")
    ))?;
    if !shown.later_events.is_empty() {
        events::show(&shown.later_events, now, output)?;
    }
    Ok(())
}

fn show_revisions(revisions: &[RevisionRow], output: &mut Output) -> Result<(), Failure> {
    for RevisionRow { revision, at, by, reason, changes } in revisions {
        let reason = reason.as_deref().unwrap_or("no reason was given");
        output.line(&format!("\nrevision {revision} by {by} at {at}: {reason}"))?;
        match changes {
            Some(changes) => show_changes(changes, output)?,
            None => output.line("(erased or no longer kept)")?,
        }
    }
    Ok(())
}

/// A payload that was not JSON when it came is shown as a text.
fn as_json(text: String) -> Box<RawValue> {
    let quoted = serde_json::Value::from(text.as_str()).to_string();
    RawValue::from_string(text)
        .or_else(|_| RawValue::from_string(quoted))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}
