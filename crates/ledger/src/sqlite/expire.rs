//! Deletes expired data, a limited number of rows at a time.

use connections::ConnectionId;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::failure::Failure;
use super::rows::all;
use super::tally::Tally;
use super::words::{limit, micros, state, time};
use super::{accounts, letters, message_ids, plans};
use crate::dead_letters::{EXPIRED, retention_ended};
use crate::{Expiring, SweepClock};

/// An event is kept as long as its dead letter.
const OLD_EVENTS: &str = "SELECT id, connection, state FROM events INDEXED BY events_without_letter_by_end
    WHERE ended_at < ?1 AND has_letter = 0 ORDER BY ended_at LIMIT ?2";

/// Also deletes outcomes, attempts and the payload, by cascades.
const DELETE_EVENT: &str = "DELETE FROM events WHERE id = ?1";

const DELETE_ATTEMPTS: &str = "DELETE FROM attempts
    WHERE id IN (SELECT id FROM attempts WHERE at < ?1 ORDER BY at LIMIT ?2)";

/// A dead letter that is being replayed stays until its event is no longer pending; it may then be waiting for its person.
const OLD_LETTERS: &str = "SELECT id, event, CASE state WHEN 'open' THEN connection END FROM dead_letters
    WHERE died_at < ?1 AND (state <> 'replaying' OR EXISTS (
        SELECT 1 FROM events WHERE id = dead_letters.event AND state = 'remembered'))
    ORDER BY died_at LIMIT ?2";

const DELETE_LETTER: &str = "DELETE FROM dead_letters WHERE id = ?1";

/// The payload of a dead event was kept for its dead letter; the payload of a pending event stays.
const DELETE_PAYLOAD: &str = "DELETE FROM payloads
    WHERE event = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?1 AND state = 'dead')";

/// Deletes rows of which no event can be left, because all events are newer.
const DELETE_FINDABLE: &str = "DELETE FROM findable WHERE last_event IN
    (SELECT last_event FROM findable
        WHERE last_event < (SELECT COALESCE(MIN(id), 9223372036854775807) FROM events)
        ORDER BY last_event LIMIT ?1)";

const SWEPT: &str = "SELECT swept FROM sweeps WHERE id = 1";

const SET_SWEPT: &str = "INSERT INTO sweeps (id, swept) VALUES (1, ?1)
    ON CONFLICT (id) DO UPDATE SET swept = excluded.swept";

/// The clock and the progress of sweeps. All processes are on one machine, so they share its clock.
pub(super) fn clock(database: &Connection, now: Timestamp) -> Result<SweepClock, Failure> {
    let swept: Option<i64> = database.prepare_cached(SWEPT)?.query_row([], |row| row.get(0)).optional()?;
    Ok(SweepClock { now, swept: swept.map(time).transpose()? })
}

/// Stores the progress of sweeps.
pub(super) fn set_swept(database: &Connection, swept: Timestamp) -> Result<(), Failure> {
    database.prepare_cached(SET_SWEPT)?.execute([micros(swept)])?;
    Ok(())
}

/// Deletes data that is older than its retention, at most `rows` of one kind. Returns the number of rows.
pub(super) fn expire(
    database: &Connection,
    what: Expiring,
    (before, now): (Timestamp, Timestamp),
    rows: usize,
) -> Result<usize, Failure> {
    match what {
        Expiring::DeadLetters => letters(database, (before, now), rows),
        Expiring::PlanItems => plans::expire(database, before, rows),
        Expiring::Outcomes => events(database, before, rows),
        Expiring::Attempts => attempts(database, before, rows),
        Expiring::Weeks => Ok(0),
        Expiring::MessageIds => message_ids::clear(database, rows),
        Expiring::RemovedConnections => accounts::removal::empty(database, rows),
    }
}

/// Deletes dead letters, and records in the audit those that were open.
fn letters(
    database: &Connection,
    (before, now): (Timestamp, Timestamp),
    rows: usize,
) -> Result<usize, Failure> {
    let found: Vec<(i64, i64, Option<ConnectionId>)> =
        all(database, OLD_LETTERS, (micros(before), limit(rows)), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    for (letter, event, _) in &found {
        database.prepare_cached(DELETE_LETTER)?.execute([letter])?;
        database.prepare_cached(DELETE_PAYLOAD)?.execute([event])?;
    }
    let open = found.iter().filter_map(|(letter, _, open_of)| Some((*letter, (*open_of)?)));
    letters::noted(database, &retention_ended(now), EXPIRED, open.collect())?;
    Ok(found.len())
}

fn attempts(database: &Connection, before: Timestamp, rows: usize) -> Result<usize, Failure> {
    let dropped = database.prepare_cached(DELETE_ATTEMPTS)?.execute((micros(before), limit(rows)))?;
    database.prepare_cached(DELETE_FINDABLE)?.execute([limit(rows)])?;
    Ok(dropped)
}

fn events(database: &Connection, before: Timestamp, rows: usize) -> Result<usize, Failure> {
    let found: Vec<(i64, ConnectionId, String)> =
        all(database, OLD_EVENTS, (micros(before), limit(rows)), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let mut tally = Tally::default();
    for (event, connection, word) in &found {
        database.prepare_cached(DELETE_EVENT)?.execute([event])?;
        tally.add(*connection, state(word)?.word(), -1);
    }
    tally.write(database)?;
    Ok(found.len())
}
