//! `dead-letters replay`: the same event, taken in once more under the same id and with the same time.

use std::collections::BTreeSet;

use ledger::{DeadLetterFilter, DeadLetterState, DeadLetterView};
use queue::{Envelope, FORMAT, Lane};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::show::state_word;
use crate::arrivals::report_own;
use crate::commands::Context;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};
use crate::operator::Directory;
use crate::output::{cut, spare, whole};

/// What became of one dead letter.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) id: i64,
    /// `None` where there is no such dead letter.
    pub(super) event_id: Option<Uuid>,
    pub(super) state: &'static str,
    /// Why nothing was done about it.
    pub(super) reason: Option<&'static str>,
}

const QUEUE_CLOSED: &str = "the queue takes nothing now: replay it again later";

pub(super) async fn run(
    engines: &Engines,
    filter: &DeadLetterFilter,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let letters = engines.ledger.dead_letters(filter).await?;
    let mut rows = missing(filter, letters.iter().map(|letter| letter.id))?;
    let directory = Directory::read(engines, None).await?;
    let mut closed = false;
    for letter in letters {
        let refused = refusal(&letter, &directory).or_else(|| closed.then_some(QUEUE_CLOSED));
        let row = match refused {
            Some(reason) => row(&letter, Some(reason)),
            None => replay(engines, &letter).await?,
        };
        closed |= row.reason == Some(QUEUE_CLOSED);
        rows.push(row);
    }
    report_own(engines).await;
    show(&rows, "replayed", context)
}

/// A row for each id that was asked for and is not there, in the order of asking.
///
/// # Errors
///
/// [`Failure`] with the code `no_such_dead_letter` if none of them is.
pub(super) fn missing(
    filter: &DeadLetterFilter,
    found: impl Iterator<Item = i64>,
) -> Result<Vec<Row>, Failure> {
    let found: BTreeSet<i64> = found.collect();
    let asked = filter.ids.as_deref().unwrap_or_default();
    let missing: Vec<i64> = asked.iter().copied().filter(|id| !found.contains(id)).collect();
    if found.is_empty() && !missing.is_empty() {
        let ids: Vec<String> = missing.iter().map(i64::to_string).collect();
        let message = format!("there is no dead letter {}", ids.join(", "));
        return Err(Failure::refused("no_such_dead_letter", message, "`dead-letters list` shows their ids"));
    }
    let row = |id| Row { id, event_id: None, state: "missing", reason: Some("there is no such dead letter") };
    Ok(missing.into_iter().map(row).collect())
}

/// Why a letter cannot be replayed, as far as can be seen from it.
fn refusal(letter: &DeadLetterView, directory: &Directory) -> Option<&'static str> {
    if !matches!(letter.state, DeadLetterState::Open | DeadLetterState::Replaying) {
        return Some("it is settled already");
    }
    if directory.get(letter.connection).is_none() {
        return Some("it has no connection, or one that was removed");
    }
    letter.payload.is_none().then_some("a delete has erased its event")
}

fn row(letter: &DeadLetterView, reason: Option<&'static str>) -> Row {
    let state = if reason.is_some() { letter.state } else { DeadLetterState::Replaying };
    Row { id: letter.id, event_id: Some(letter.event), state: state_word(state), reason }
}

/// Marks the letter, then takes the event in. One whose event never came to be absorbed may be replayed again, which does
/// no harm.
async fn replay(engines: &Engines, letter: &DeadLetterView) -> Result<Row, Failure> {
    let text = letter.payload.clone().unwrap_or_default();
    let lane = lane(letter, &text);
    let Ok(payload) = RawValue::from_string(text) else {
        return Ok(row(letter, Some("its event is no JSON")));
    };
    let envelope = Envelope {
        format: FORMAT,
        event_id: letter.event,
        connection: letter.connection,
        lane,
        received_at: letter.received_at,
        replay: true,
        revision: 0,
        payload,
    };
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    let moved = engines.ledger.move_dead_letters(&[letter.id], open, replaying).await?;
    if let Err(error) = engines.queue.publish(&[envelope]).await {
        tracing::warn!(letter = letter.id, %error, "a dead letter could not be replayed");
        if moved > 0 {
            engines.ledger.move_dead_letters(&[letter.id], replaying, open).await?;
        }
        return Ok(row(letter, Some(QUEUE_CLOSED)));
    }
    Ok(row(letter, None))
}

/// The lane in which it came at first.
fn lane(letter: &DeadLetterView, text: &str) -> Lane {
    match segment::read(text.as_bytes(), letter.received_at) {
        Ok(event) if event.bulk => Lane::Bulk,
        _ => Lane::Live,
    }
}

/// Shows what became of each, and how many there were; `done` is the word for the others than those with a reason. The exit
/// code says the same.
pub(super) fn show(rows: &[Row], done: &str, context: &mut Context) -> Result<Exit, Failure> {
    let not = rows.iter().filter(|row| row.reason.is_some()).count();
    let exit = match (not, rows.len() - not) {
        (0, _) => Exit::Done,
        (_, 0) => Exit::Failed,
        _ => Exit::Partly,
    };
    if context.output.is_json() {
        context.output.json(&rows)?;
        return Ok(exit);
    }
    let cells = |row: &Row| {
        let reason = row.reason.unwrap_or_default().to_owned();
        let event = row.event_id.map(|event| event.to_string()).unwrap_or_default();
        vec![row.id.to_string(), row.state.to_owned(), event, reason]
    };
    if !rows.is_empty() {
        let head = [whole("ID"), whole("STATE"), spare("EVENT"), cut("WHY NOT")];
        context.output.table(&head, &rows.iter().map(cells).collect::<Vec<_>>())?;
        context.output.line("")?;
    }
    context.output.line(&format!("{} {done}, {not} not", rows.len() - not))?;
    Ok(exit)
}
