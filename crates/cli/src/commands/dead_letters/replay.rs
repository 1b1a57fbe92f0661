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

/// What became of one dead letter.
#[derive(Debug, Serialize)]
struct Row {
    id: i64,
    event_id: Uuid,
    state: &'static str,
    /// Why it was not replayed.
    reason: Option<&'static str>,
}

pub(super) async fn run(
    engines: &Engines,
    filter: &DeadLetterFilter,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let letters = engines.ledger.dead_letters(filter).await?;
    let missing = filter.ids.as_ref().map_or(0, |ids| ids.len().saturating_sub(letters.len()));
    let mut rows = Vec::new();
    for letter in letters {
        rows.push(replay(engines, letter).await?);
    }
    show(&rows, context)?;
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

/// Marks the letter, then takes the event in. One whose event never came to be absorbed may be replayed again, which does
/// no harm.
async fn replay(engines: &Engines, letter: DeadLetterView) -> Result<Row, Failure> {
    let refused = |reason| {
        Ok(Row {
            id: letter.id,
            event_id: letter.event,
            state: state_word(letter.state),
            reason: Some(reason),
        })
    };
    if !matches!(letter.state, DeadLetterState::Open | DeadLetterState::Replaying) {
        return refused("it is settled already");
    }
    let Some(text) = &letter.payload else { return refused("a delete has erased its event") };
    let Ok(payload) = RawValue::from_string(text.clone()) else { return refused("its event is no JSON") };
    let envelope = Envelope {
        format: FORMAT,
        event_id: letter.event,
        connection: letter.connection,
        lane: lane(&letter, text),
        received_at: letter.received_at,
        replay: true,
        revision: 0,
        payload,
    };
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    let moved = engines.ledger.move_dead_letters(&[letter.id], open, replaying).await?;
    if let Err(error) = engines.queue.publish(&[envelope]).await {
        if moved > 0 {
            engines.ledger.move_dead_letters(&[letter.id], replaying, open).await?;
        }
        return Err(error.into());
    }
    Ok(Row { id: letter.id, event_id: letter.event, state: state_word(replaying), reason: None })
}

/// The lane in which it came at first.
fn lane(letter: &DeadLetterView, text: &str) -> Lane {
    match segment::read(text.as_bytes(), letter.received_at) {
        Ok(event) if event.bulk => Lane::Bulk,
        _ => Lane::Live,
    }
}

fn show(rows: &[Row], context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(&rows);
    }
    let cells = |row: &Row| {
        let reason = row.reason.unwrap_or_default().to_owned();
        vec![row.id.to_string(), row.event_id.to_string(), row.state.to_owned(), reason]
    };
    if rows.is_empty() {
        return context.output.line("no dead letter to replay");
    }
    context.output.table(&["ID", "EVENT", "STATE", "WHY NOT"], &rows.iter().map(cells).collect::<Vec<_>>())
}
