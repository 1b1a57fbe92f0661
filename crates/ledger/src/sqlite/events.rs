//! Events: records, ends, reopens and erases them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use connections::ConnectionId;
use sqlite::rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::failure::Failure;
use super::find;
use super::tally::Tally;
use super::words::{affiliate_id, lane_word, micros, state};
use crate::{Attempt, Changes, KnownEvent, Outcome, State};

const INSERT: &str =
    "INSERT INTO events (event_id, connection, kind, lane, received_at, found_by, state, outcome, ended_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (event_id) DO NOTHING";

const INSERT_PAYLOAD: &str = "INSERT INTO payloads (event, payload) VALUES (?1, ?2)";

const READ: &str = "SELECT id, state, outcome FROM events WHERE event_id = ?1 AND connection = ?2";

const REOPEN: &str = "UPDATE events SET state = 'pending', ended_at = NULL WHERE id = ?1";

const INSERT_OUTCOME: &str =
    "INSERT INTO outcomes (event, number, state, reason, affiliate_id, affiliate_code, at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const END: &str = "UPDATE events SET state = ?2, outcome = ?3, ended_at = ?4 WHERE id = ?1";

const DROP_PAYLOAD: &str = "DELETE FROM payloads WHERE event = ?1";

const INSERT_ATTEMPT: &str =
    "INSERT INTO attempts (event, at, operation, http_status, class, message, request)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const ERASE_ATTEMPTS: &str = "UPDATE attempts SET message = '', request = NULL WHERE event = ?1";

/// An event's row.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) row: i64,
    pub(super) state: State,
    outcomes: u32,
}

impl Known {
    /// Converts it to the port's type.
    pub(super) fn into_known_event(self) -> KnownEvent {
        KnownEvent { state: self.state, outcomes: self.outcomes }
    }
}

/// The row of an event; `None` if it was never recorded, or has expired.
pub(super) fn known(
    database: &Connection,
    connection: ConnectionId,
    event: Uuid,
) -> Result<Option<Known>, Failure> {
    let row = database
        .prepare_cached(READ)?
        .query_row((event.as_bytes(), connection), |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })
        .optional()?;
    row.map(|(row, word, outcomes)| Ok(Known { row, state: state(&word)?, outcomes })).transpose()
}

/// Records events and makes them searchable. Events that were recorded before are skipped, or fail the transaction if all are assumed to be
/// new. The payload of an event that ends in the same transaction, and not as dead, is not stored.
///
/// Returns the events that were inserted with their only outcome. On the fast path these are all events, so each row is written once.
pub(super) fn begin(
    database: &Connection,
    changes: &Changes,
    tally: &mut Tally,
) -> Result<HashSet<Uuid>, Failure> {
    let connection = changes.connection;
    let ends = ends(changes);
    let mut entries = find::Entries::default();
    let mut ended = HashSet::new();
    let mut insert = database.prepare_cached(INSERT)?;
    for event in &changes.events {
        let Ends { only: outcome, drops_payload } = ends.get(&event.event).copied().unwrap_or_default();
        let state = outcome.map_or(State::Pending, |outcome| outcome.state);
        let found_by: Vec<u8> = event.found_by.iter().flat_map(|digest| digest.0).collect();
        let inserted = insert.execute((
            event.event.as_bytes(),
            connection,
            &event.kind,
            lane_word(event.lane),
            micros(event.received_at),
            found_by,
            state.word(),
            outcome.map_or(0, |outcome| outcome.number),
            outcome.map(|outcome| micros(outcome.at)),
        ))?;
        if inserted == 0 && changes.assume_new {
            return Err(Failure::Moved);
        }
        if inserted == 1 {
            let row = database.last_insert_rowid();
            if let Some(outcome) = outcome {
                insert_outcome(database, row, outcome)?;
                ended.insert(event.event);
            }
            if !drops_payload {
                database.prepare_cached(INSERT_PAYLOAD)?.execute((row, &event.payload))?;
            }
            entries.add(row, &event.found_by);
            tally.add(connection, state.word(), 1);
        }
    }
    entries.write(database)?;
    Ok(ended)
}

/// The outcomes of one event in one transaction.
#[derive(Clone, Copy, Default)]
struct Ends<'c> {
    /// The outcome; `None` if the event has several, stays pending, or is reopened.
    only: Option<&'c Outcome>,
    /// Whether one of them is not dead.
    drops_payload: bool,
}

fn ends(changes: &Changes) -> HashMap<Uuid, Ends<'_>> {
    let mut ends: HashMap<Uuid, Ends<'_>> =
        changes.reopened.iter().map(|event| (*event, Ends::default())).collect();
    for outcome in &changes.outcomes {
        let drops_payload = outcome.state != State::Dead;
        match ends.entry(outcome.event) {
            Entry::Vacant(first) => {
                let is_end = outcome.state != State::Pending && outcome.number > 0;
                first.insert(Ends { only: is_end.then_some(outcome), drops_payload });
            }
            Entry::Occupied(mut other) => {
                let drops_payload = other.get().drops_payload || drops_payload;
                other.insert(Ends { only: None, drops_payload });
            }
        }
    }
    ends
}

/// Makes dead and remembered events pending again; others are left alone.
pub(super) fn reopen(
    database: &Connection,
    connection: ConnectionId,
    events: &[Uuid],
    tally: &mut Tally,
) -> Result<(), Failure> {
    for event in events {
        let known = known(database, connection, *event)?;
        let Some(known) = known.filter(|known| matches!(known.state, State::Dead | State::Remembered)) else {
            continue;
        };
        database.prepare_cached(REOPEN)?.execute([known.row])?;
        tally.add(connection, known.state.word(), -1);
        tally.add(connection, State::Pending.word(), 1);
    }
    Ok(())
}

/// Records outcomes. An outcome that is recorded already changes nothing, and an outcome of an expired event is skipped. The outcomes of
/// `ended` were recorded together with their events.
pub(super) fn end(
    database: &Connection,
    connection: ConnectionId,
    (outcomes, ended): (&[Outcome], &HashSet<Uuid>),
    tally: &mut Tally,
) -> Result<(), Failure> {
    for outcome in outcomes.iter().filter(|outcome| !ended.contains(&outcome.event)) {
        let known = known(database, connection, outcome.event)?;
        if let Some(known) = known.filter(|known| known.outcomes < outcome.number) {
            end_one(database, known, outcome)?;
            tally.add(connection, known.state.word(), -1);
            tally.add(connection, outcome.state.word(), 1);
        }
    }
    Ok(())
}

fn end_one(database: &Connection, known: Known, outcome: &Outcome) -> Result<(), Failure> {
    let may_change = matches!(known.state, State::Pending | State::Dead | State::Remembered);
    if !may_change || outcome.state == State::Pending {
        let (from, to) = (known.state.word(), outcome.state.word());
        return Err(Failure::Broken(format!("event {} cannot go from {from} to {to}", outcome.event)));
    }
    insert_outcome(database, known.row, outcome)?;
    let (word, at) = (outcome.state.word(), micros(outcome.at));
    database.prepare_cached(END)?.execute((known.row, word, outcome.number, at))?;
    if outcome.state != State::Dead {
        database.prepare_cached(DROP_PAYLOAD)?.execute([known.row])?;
    }
    Ok(())
}

fn insert_outcome(database: &Connection, row: i64, outcome: &Outcome) -> Result<(), Failure> {
    let affiliate = outcome.affiliate.clone().unwrap_or_default();
    database.prepare_cached(INSERT_OUTCOME)?.execute((
        row,
        outcome.number,
        outcome.state.word(),
        &outcome.reason,
        affiliate_id(affiliate.id)?,
        affiliate.code,
        micros(outcome.at),
    ))?;
    Ok(())
}

/// Records failed calls.
pub(super) fn attempted(
    database: &Connection,
    connection: ConnectionId,
    attempts: &[Attempt],
) -> Result<(), Failure> {
    for attempt in attempts {
        if let Some(known) = known(database, connection, attempt.event)? {
            database.prepare_cached(INSERT_ATTEMPT)?.execute((
                known.row,
                micros(attempt.at),
                &attempt.operation,
                attempt.http_status,
                &attempt.class,
                &attempt.message,
                &attempt.request,
            ))?;
        }
    }
    Ok(())
}

/// Erases the personal data of an event: its payload, and the texts of its attempts and its dead letter.
pub(super) fn erase(database: &Connection, connection: ConnectionId, events: &[Uuid]) -> Result<(), Failure> {
    for event in events {
        if let Some(known) = known(database, connection, *event)? {
            erase_row(database, known.row)?;
        }
    }
    Ok(())
}

/// Erases the personal data of one event.
pub(super) fn erase_row(database: &Connection, row: i64) -> Result<(), Failure> {
    database.prepare_cached(DROP_PAYLOAD)?.execute([row])?;
    database.prepare_cached(ERASE_ATTEMPTS)?.execute([row])?;
    super::letters::erase(database, row)
}
