//! `dead-letters replay`: the same event, taken in once more under the same id and with the same time.

use ledger::{DeadLetterFilter, DeadLetterState, DeadLetterView};
use queue::{Envelope, FORMAT, Lane};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::show::state_word;
use crate::commands::Context;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};
use crate::operator::Directory;

/// What became of one dead letter.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) event_id: Uuid,
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
    let missing = filter.ids.as_ref().map_or(0, |ids| ids.len().saturating_sub(letters.len()));
    let mut rows = Vec::new();
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
    show(&rows, "no dead letter to replay", context)?;
    let refused = rows.iter().filter(|row| row.reason.is_some()).count() + missing;
    let replayed = rows.iter().filter(|row| row.reason.is_none()).count();
    if missing > 0 && replayed == 0 {
        let message = "there is no such dead letter";
        return Err(Failure::refused("no_such_dead_letter", message, "`dead-letters list` shows their ids"));
    }
    Ok(match (refused, replayed) {
        (0, _) => Exit::Done,
        (_, 0) => Exit::Failed,
        _ => Exit::Partly,
    })
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
    Row { id: letter.id, event_id: letter.event, state: state_word(state), reason }
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

pub(super) fn show(rows: &[Row], nothing: &str, context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(&rows);
    }
    let cells = |row: &Row| {
        let reason = row.reason.unwrap_or_default().to_owned();
        vec![row.id.to_string(), row.event_id.to_string(), row.state.to_owned(), reason]
    };
    if rows.is_empty() {
        return context.output.line(nothing);
    }
    context.output.table(&["ID", "EVENT", "STATE", "WHY NOT"], &rows.iter().map(cells).collect::<Vec<_>>())
}
