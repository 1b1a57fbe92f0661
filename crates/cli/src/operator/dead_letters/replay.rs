//! A replay: the same event, taken in once more under the same id and with the same time.

use ledger::{Act, DeadLetterState, DeadLetterView};
use queue::{Envelope, FORMAT, Lane};
use serde_json::value::RawValue;

use super::{Pages, Row, Selection};
use crate::arrivals::report_own;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;

const QUEUE_CLOSED: &str = "the queue takes nothing now: replay it again later";

pub(super) async fn run(engines: &Engines, selection: &Selection, act: &Act) -> Result<Vec<Row>, Failure> {
    let directory = Directory::read(engines, None).await?;
    let (mut rows, mut is_closed) = (Vec::new(), false);
    let mut pages = Pages::of(selection);
    loop {
        let letters = pages.next(engines).await?;
        if letters.is_empty() {
            break;
        }
        let page: Vec<Row> = match is_closed {
            true => letters.iter().map(|letter| row(letter, Some(QUEUE_CLOSED))).collect(),
            false => replay(engines, &letters, &directory).await?,
        };
        let replayed: Vec<i64> = page.iter().filter(|row| row.reason.is_none()).map(|row| row.id).collect();
        if !replayed.is_empty() {
            engines.dead_letters.note_replay(&replayed, act).await?;
        }
        is_closed = page.iter().any(|row| row.reason == Some(QUEUE_CLOSED));
        rows.extend(page);
    }
    report_own(engines).await;
    Ok(rows)
}

/// Why a letter cannot be replayed, as far as can be seen from it.
fn refusal(letter: &DeadLetterView, directory: &Directory) -> Option<&'static str> {
    if !matches!(letter.state, DeadLetterState::Open | DeadLetterState::Replaying) {
        return Some("it is resolved or discarded already");
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

/// Marks the letters of a page, then takes their events in together. One whose event never came to be absorbed may be
/// replayed again, which does no harm.
async fn replay(
    engines: &Engines,
    letters: &[DeadLetterView],
    directory: &Directory,
) -> Result<Vec<Row>, Failure> {
    let (mut rows, mut envelopes, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for letter in letters {
        match refusal(letter, directory).map_or_else(|| envelope(letter), Err) {
            Ok(envelope) => {
                envelopes.push(envelope);
                ids.extend((letter.state == DeadLetterState::Open).then_some(letter.id));
                rows.push(row(letter, None));
            }
            Err(reason) => rows.push(row(letter, Some(reason))),
        }
    }
    if envelopes.is_empty() {
        return Ok(rows);
    }
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    engines.ledger.move_dead_letters(&ids, open, replaying).await?;
    if let Err(error) = engines.queue.publish(&envelopes).await {
        tracing::warn!(letters = envelopes.len(), %error, "dead letters could not be replayed");
        engines.ledger.move_dead_letters(&ids, replaying, open).await?;
        for (row, letter) in rows.iter_mut().zip(letters).filter(|(row, _)| row.reason.is_none()) {
            *row = self::row(letter, Some(QUEUE_CLOSED));
        }
    }
    Ok(rows)
}

/// The event as it came, for the queue.
fn envelope(letter: &DeadLetterView) -> Result<Envelope, &'static str> {
    let text = letter.payload.clone().unwrap_or_default();
    let lane = lane(letter, &text);
    Ok(Envelope {
        format: FORMAT,
        event_id: letter.event,
        connection: letter.connection,
        lane,
        received_at: letter.received_at,
        replay: true,
        revision: 0,
        public: false,
        payload: RawValue::from_string(text).map_err(|_| "its event is no JSON")?,
    })
}

/// The lane in which it came at first.
fn lane(letter: &DeadLetterView, text: &str) -> Lane {
    match segment::read(text.as_bytes(), letter.received_at) {
        Ok(event) if event.bulk => Lane::Bulk,
        _ => Lane::Live,
    }
}
