//! Dead letters: this module writes, resolves and erases them; [`select`] reads them, [`counted`] counts them, and [`close`] contains the
//! acts of operators.

mod close;
mod counted;
mod select;

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlite::rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::events;
use super::failure::Failure;
use super::words::{limit, micros};
use crate::audience::audience_in;
use crate::groups::{Cause, VERSION};
use crate::outcome::remembered_after_death;
use crate::{DeadLetter, DeadLetterState, Outcome};
pub(super) use close::{discard, drop_discarded, expire_class, noted, replay, restore};
pub(super) use counted::by_class;
pub(super) use select::{candidates, count_of, read};

const WRITE: &str = "INSERT INTO dead_letters
        (event, connection, class, cause, http_status, field, attempts, died_at, state, bytes, audience,
        group_key, mender, rules, person)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open',
        ?14, ?9, ?10, ?11, ?12, ?13)
    ON CONFLICT (event) DO UPDATE SET
        class = excluded.class, cause = excluded.cause, http_status = excluded.http_status,
        field = excluded.field, attempts = excluded.attempts, died_at = excluded.died_at, state = 'open',
        bytes = excluded.bytes, audience = excluded.audience,
        group_key = excluded.group_key, mender = excluded.mender, rules = excluded.rules,
        person = COALESCE(excluded.person, person),
        discarded_at = NULL, reason = NULL, kept_until = NULL, resolved_by = NULL";

const REPLAYING: &str = "UPDATE dead_letters SET state = 'replaying' WHERE event = ?1 AND state = 'open'";

const RESOLVE: &str =
    "UPDATE dead_letters SET state = 'resolved' WHERE event = ?1 AND state IN ('open', 'replaying')";

const RESOLVED_BY: &str = "UPDATE dead_letters SET resolved_by = ?2 WHERE event = ?1 AND state = 'open'";

const DISCARD_ENDED: &str =
    "UPDATE dead_letters SET state = 'discarded' WHERE event = ?1 AND state IN ('open', 'replaying')";

/// The values of the event are in a graph. A trigger deletes the payloads of repairs.
const REMEMBERED: &str = "UPDATE dead_letters SET bytes = 0 WHERE event = ?1";

const REPEAT: &str = "UPDATE dead_letters SET repeats = repeats + 1 WHERE event = ?1";

const ERASE: &str = "UPDATE dead_letters SET cause = 'erased by a delete', bytes = 0,
        state = CASE WHEN state = 'resolved' THEN state ELSE 'discarded' END
    WHERE event = ?1";

const MOVE: &str = "UPDATE dead_letters SET state = ?3 WHERE id = ?1 AND state = ?2";

/// Only the payload of a dead event: an event that is pending again needs its payload.
const DROP_PAYLOAD: &str = "DELETE FROM payloads WHERE event IN (
    SELECT d.event FROM dead_letters d JOIN events e ON e.id = d.event WHERE d.id = ?1 AND e.state = 'dead')";

const PAYLOAD: &str = "SELECT p.payload FROM payloads p WHERE p.event = ?1";

/// Writes dead letters. The existing dead letter of an event is replaced.
pub(super) fn write(
    database: &Connection,
    connection: ConnectionId,
    letters: &[DeadLetter],
) -> Result<(), Failure> {
    for letter in letters {
        if let Some(known) = events::known(database, connection, letter.event)? {
            let payload: Option<String> =
                database.prepare_cached(PAYLOAD)?.query_row([known.row], |row| row.get(0)).optional()?;
            let cause = Cause::of(&letter.class, letter.http_status, letter.field.as_deref(), &letter.cause);
            database.prepare_cached(WRITE)?.execute(params![
                known.row,
                connection,
                letter.class,
                letter.cause,
                letter.http_status,
                letter.field,
                letter.attempts,
                micros(letter.died_at),
                payload.as_deref().and_then(audience_in),
                cause.key(connection),
                cause.mender.word(),
                VERSION,
                letter.person.map(|digest| digest.0),
                limit(payload.as_ref().map_or(0, String::len)),
            ])?;
        }
    }
    Ok(())
}

/// Marks the open dead letters of events that are pending again.
pub(super) fn replaying(
    database: &Connection,
    connection: ConnectionId,
    events: &[Uuid],
) -> Result<(), Failure> {
    on_each(database, connection, events, REPLAYING)
}

/// Notes the newer events that delivered the values of open dead letters to Refersion. To be called before these are resolved.
pub(super) fn note_resolvers(
    database: &Connection,
    connection: ConnectionId,
    resolvers: &BTreeMap<Uuid, Uuid>,
) -> Result<(), Failure> {
    for (event, newer) in resolvers {
        if let Some(known) = events::known(database, connection, *event)? {
            database.prepare_cached(RESOLVED_BY)?.execute((known.row, newer.as_bytes()))?;
        }
    }
    Ok(())
}

/// Marks the dead letters of delivered events as resolved.
pub(super) fn resolve(
    database: &Connection,
    connection: ConnectionId,
    events: &[Uuid],
) -> Result<(), Failure> {
    on_each(database, connection, events, RESOLVE)
}

/// Deletes the data that is kept for dead letters of events that are remembered now. To be called before dead letters are written.
pub(super) fn remembered(
    database: &Connection,
    connection: ConnectionId,
    outcomes: &[Outcome],
) -> Result<(), Failure> {
    on_each(database, connection, &remembered_after_death(outcomes), REMEMBERED)
}

/// Marks the dead letters of events that ended without being delivered as discarded.
pub(super) fn discard_ended(
    database: &Connection,
    connection: ConnectionId,
    events: &[Uuid],
) -> Result<(), Failure> {
    on_each(database, connection, events, DISCARD_ENDED)
}

/// Counts repeats of the events of dead letters.
pub(super) fn repeat(
    database: &Connection,
    connection: ConnectionId,
    events: &[Uuid],
) -> Result<(), Failure> {
    on_each(database, connection, events, REPEAT)
}

fn on_each(
    database: &Connection,
    connection: ConnectionId,
    events: &[Uuid],
    statement: &str,
) -> Result<(), Failure> {
    for event in events {
        if let Some(known) = events::known(database, connection, *event)? {
            database.prepare_cached(statement)?.execute([known.row])?;
        }
    }
    Ok(())
}

/// Erases the cause of an event's dead letter, and discards the dead letter.
pub(super) fn erase(database: &Connection, event_row: i64) -> Result<(), Failure> {
    database.prepare_cached(ERASE)?.execute([event_row])?;
    Ok(())
}

/// Sets the state of dead letters; see [`crate::View::move_dead_letters`].
pub(super) fn set_state(
    database: &Connection,
    ids: &[i64],
    from: DeadLetterState,
    to: DeadLetterState,
) -> Result<usize, Failure> {
    let mut set = database.prepare_cached(MOVE)?;
    let mut moved = 0;
    for id in ids {
        let is_moved = set.execute((id, from.word(), to.word()))?;
        if is_moved > 0 && to == DeadLetterState::Discarded {
            database.prepare_cached(DROP_PAYLOAD)?.execute([id])?;
        }
        moved += is_moved;
    }
    Ok(moved)
}
