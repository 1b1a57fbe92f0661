//! `dead-letters replay`: the same event, taken in once more under the same id and with the same time.

use ledger::{DeadLetterState, DeadLetterView};
use queue::{Envelope, FORMAT, Lane};
use serde_json::value::RawValue;

use super::act::{Pages, Row, add_missing, show};
use super::close::{Reason, act};
use super::selection::Selection;
use crate::arrivals::report_own;
use crate::commands::Context;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};
use crate::operator::Directory;

const QUEUE_CLOSED: &str = "the queue takes nothing now: replay it again later";

pub(super) async fn run(
    engines: &Engines,
    selection: &Selection,
    reason: &Reason,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let act = act(engines, selection, reason);
    let directory = Directory::read(engines, None).await?;
    let (mut rows, mut closed) = (Vec::new(), false);
    let mut pages = Pages::of(selection);
    loop {
        let letters = pages.next(engines).await?;
        if letters.is_empty() {
            break;
        }
        let before = rows.len();
        for letter in letters {
            let refused = refusal(&letter, &directory).or_else(|| closed.then_some(QUEUE_CLOSED));
            let row = match refused {
                Some(reason) => row(&letter, Some(reason)),
                None => replay(engines, &letter).await?,
            };
            closed |= row.reason == Some(QUEUE_CLOSED);
            rows.push(row);
        }
        let replayed: Vec<i64> =
            rows[before..].iter().filter(|row| row.reason.is_none()).map(|row| row.id).collect();
        engines.dead_letters.note_replay(&replayed, &act).await?;
    }
    add_missing(selection, &mut rows)?;
    report_own(engines).await;
    show(selection, &rows, "replayed", context)
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
    Row { id: letter.id, event_id: Some(letter.event), state: state.word(), reason }
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
