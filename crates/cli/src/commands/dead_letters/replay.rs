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
use crate::operator::repairs::{Version, newest};

const ERASED: &str = "a delete has erased its event";

const QUEUE_CLOSED: &str = "the queue takes nothing now: replay it again later";

pub(super) async fn run(
    engines: &Engines,
    selection: &Selection,
    reason: &Reason,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let act = act(engines, selection, reason);
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
        engines.dead_letters.note_replay(&replayed, &act).await?;
        is_closed = page.iter().any(|row| row.reason == Some(QUEUE_CLOSED));
        rows.extend(page);
    }
    add_missing(selection, &mut rows)?;
    report_own(engines).await;
    show(selection, &rows, "replayed", context)
}

/// Why a letter cannot be replayed, as far as can be seen from it.
fn refusal(letter: &DeadLetterView, directory: &Directory) -> Option<&'static str> {
    if !matches!(letter.state, DeadLetterState::Open | DeadLetterState::Replaying) {
        return Some("it is resolved or discarded already");
    }
    if directory.get(letter.connection).is_none() {
        return Some("it has no connection, or one that was removed");
    }
    letter.payload.is_none().then_some(ERASED)
}

fn row(letter: &DeadLetterView, reason: Option<&'static str>) -> Row {
    let state = if reason.is_some() { letter.state } else { DeadLetterState::Replaying };
    Row { id: letter.id, event_id: Some(letter.event), state: state.word(), reason }
}

/// Marks the letters of a page, then takes the newest versions of their events in together: while they are marked, nobody can
/// repair them. One whose event never came to be absorbed may be replayed again, which does no harm.
async fn replay(
    engines: &Engines,
    letters: &[DeadLetterView],
    directory: &Directory,
) -> Result<Vec<Row>, Failure> {
    let mut rows: Vec<Row> = letters.iter().map(|letter| row(letter, refusal(letter, directory))).collect();
    let is_replayed = |(row, _): &(&Row, &DeadLetterView)| row.reason.is_none();
    let is_open = |letter: &&DeadLetterView| letter.state == DeadLetterState::Open;
    let replayed = rows.iter().zip(letters).filter(is_replayed).map(|(_, letter)| letter);
    let ids: Vec<i64> = replayed.filter(is_open).map(|letter| letter.id).collect();
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    engines.ledger.move_dead_letters(&ids, open, replaying).await?;
    let published = publish(engines, letters, &mut rows).await;
    if !matches!(published, Ok(true)) {
        for (row, letter) in rows.iter_mut().zip(letters).filter(|(row, _)| row.reason.is_none()) {
            *row = self::row(letter, Some(QUEUE_CLOSED));
        }
    }
    let is_back = |id: &&i64| rows.iter().any(|row| row.id == **id && row.reason.is_some());
    let back: Vec<i64> = ids.iter().filter(is_back).copied().collect();
    if !back.is_empty() {
        engines.ledger.move_dead_letters(&back, replaying, open).await?;
    }
    published.map(|_| rows)
}

/// Publishes the events of those rows that have no reason against it; `false` if the queue takes nothing.
async fn publish(engines: &Engines, letters: &[DeadLetterView], rows: &mut [Row]) -> Result<bool, Failure> {
    let mut versions = newest(engines, letters).await?;
    let mut envelopes = Vec::new();
    for (row, letter) in rows.iter_mut().zip(letters).filter(|(row, _)| row.reason.is_none()) {
        match versions.remove(&letter.id).ok_or(ERASED).and_then(|version| envelope(letter, version)) {
            Ok(envelope) => envelopes.push(envelope),
            Err(reason) => *row = self::row(letter, Some(reason)),
        }
    }
    if envelopes.is_empty() {
        return Ok(true);
    }
    let published = engines.queue.publish(&envelopes).await;
    if let Err(error) = &published {
        tracing::warn!(letters = envelopes.len(), %error, "dead letters could not be replayed");
    }
    Ok(published.is_ok())
}

/// The newest version of the event, for the queue.
fn envelope(letter: &DeadLetterView, version: Version) -> Result<Envelope, &'static str> {
    let text = version.payload.ok_or(ERASED)?;
    let lane = lane(letter, &text);
    Ok(Envelope {
        format: FORMAT,
        event_id: letter.event,
        connection: letter.connection,
        lane,
        received_at: letter.received_at,
        replay: true,
        revision: version.revision,
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
