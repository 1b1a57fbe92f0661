//! Dead letters: laid down, resolved, erased, and read by an operator.

use connections::ConnectionId;
use sqlite::rusqlite::{Connection, Row};
use uuid::Uuid;

use super::events;
use super::failure::Failure;
use super::words::{count, letter_state, letter_word, limit, micros, small, time, uuid};
use crate::{DeadLetter, DeadLetterFilter, DeadLetterState, DeadLetterView};

const LAY_DOWN: &str = "INSERT INTO dead_letters
        (event, connection, class, cause, http_status, field, attempts, died_at, state, bytes)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open',
        COALESCE((SELECT octet_length(payload) FROM payloads WHERE event = ?1), 0))
    ON CONFLICT (event) DO UPDATE SET
        class = excluded.class, cause = excluded.cause, http_status = excluded.http_status,
        field = excluded.field, attempts = excluded.attempts, died_at = excluded.died_at, state = 'open',
        bytes = excluded.bytes";

const REPLAYING: &str = "UPDATE dead_letters SET state = 'replaying' WHERE event = ?1 AND state = 'open'";

const RESOLVE: &str =
    "UPDATE dead_letters SET state = 'resolved' WHERE event = ?1 AND state IN ('open', 'replaying')";

const PUT_ASIDE: &str =
    "UPDATE dead_letters SET state = 'discarded' WHERE event = ?1 AND state IN ('open', 'replaying')";

const REPEAT: &str = "UPDATE dead_letters SET repeats = repeats + 1 WHERE event = ?1";

const ERASE: &str = "UPDATE dead_letters SET cause = 'erased by a delete', bytes = 0,
        state = CASE WHEN state = 'resolved' THEN state ELSE 'discarded' END
    WHERE event = ?1";

const MOVE: &str = "UPDATE dead_letters SET state = ?3 WHERE id = ?1 AND state = ?2";

/// Only of an event that is dead: one that is pending again needs its payload.
const DROP_PAYLOAD: &str = "DELETE FROM payloads WHERE event IN (
    SELECT d.event FROM dead_letters d JOIN events e ON e.id = d.event WHERE d.id = ?1 AND e.state = 'dead')";

const READ: &str = "SELECT d.id, e.event_id, d.connection, d.class, d.cause, d.http_status, d.field,
        d.attempts, d.died_at, d.state, p.payload, e.received_at, d.repeats
    FROM dead_letters d JOIN events e ON e.id = d.event LEFT JOIN payloads p ON p.event = d.event
    WHERE (?1 IS NULL OR d.connection = ?1) AND (?2 IS NULL OR d.state = ?2) AND (?3 IS NULL OR d.class = ?3)
        AND (?4 IS NULL OR d.id IN (SELECT value FROM json_each(?4)))
    ORDER BY d.died_at DESC, d.id DESC LIMIT ?5";

const COUNT: &str = "SELECT COUNT(*) FROM dead_letters d
    WHERE (?1 IS NULL OR d.connection = ?1) AND (?2 IS NULL OR d.state = ?2) AND (?3 IS NULL OR d.class = ?3)
        AND (?4 IS NULL OR d.id IN (SELECT value FROM json_each(?4)))";

/// Lays down dead letters; an event that died before has its one renewed.
pub(super) fn lay_down(
    database: &Connection,
    connection: ConnectionId,
    letters: &[DeadLetter],
) -> Result<(), Failure> {
    for letter in letters {
        if let Some(known) = events::known(database, connection, letter.event)? {
            database.prepare_cached(LAY_DOWN)?.execute((
                known.row,
                connection,
                &letter.class,
                &letter.cause,
                letter.http_status,
                &letter.field,
                letter.attempts,
                micros(letter.died_at),
            ))?;
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

/// Marks the dead letters of events that were delivered after all.
pub(super) fn resolve(
    database: &Connection,
    connection: ConnectionId,
    events: &[Uuid],
) -> Result<(), Failure> {
    on_each(database, connection, events, RESOLVE)
}

/// Marks the dead letters of events that ended otherwise than by being delivered.
pub(super) fn put_aside(
    database: &Connection,
    connection: ConnectionId,
    events: &[Uuid],
) -> Result<(), Failure> {
    on_each(database, connection, events, PUT_ASIDE)
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

/// Takes the cause out of an event's dead letter, and puts the letter aside.
pub(super) fn erase(database: &Connection, event_row: i64) -> Result<(), Failure> {
    database.prepare_cached(ERASE)?.execute([event_row])?;
    Ok(())
}

/// Sets the state of dead letters; see [`crate::Ledger::move_dead_letters`].
pub(super) fn set_state(
    database: &Connection,
    ids: &[i64],
    from: DeadLetterState,
    to: DeadLetterState,
) -> Result<usize, Failure> {
    let mut set = database.prepare_cached(MOVE)?;
    let mut moved = 0;
    for id in ids {
        let is_moved = set.execute((id, letter_word(from), letter_word(to)))?;
        if is_moved > 0 && to == DeadLetterState::Discarded {
            database.prepare_cached(DROP_PAYLOAD)?.execute([id])?;
        }
        moved += is_moved;
    }
    Ok(moved)
}

/// Dead letters, newest first.
pub(super) fn read(database: &Connection, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterView>, Failure> {
    let ids = filter.ids.as_ref().map(serde_json::to_string).transpose()?;
    let values = (filter.connection, filter.state.map(letter_word), &filter.class, ids, limit(filter.limit));
    let mut statement = database.prepare_cached(READ)?;
    let mut rows = statement.query(values)?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(view(row)?);
    }
    Ok(letters)
}

/// How many dead letters a filter picks, whatever its limit.
pub(super) fn count_of(database: &Connection, filter: &DeadLetterFilter) -> Result<u64, Failure> {
    let ids = filter.ids.as_ref().map(serde_json::to_string).transpose()?;
    let values = (filter.connection, filter.state.map(letter_word), &filter.class, ids);
    Ok(count(database.prepare_cached(COUNT)?.query_row(values, |row| row.get(0))?))
}

fn view(row: &Row<'_>) -> Result<DeadLetterView, Failure> {
    Ok(DeadLetterView {
        id: row.get(0)?,
        event: uuid(&row.get::<_, Vec<u8>>(1)?)?,
        connection: row.get(2)?,
        class: row.get(3)?,
        cause: row.get(4)?,
        http_status: row.get(5)?,
        field: row.get(6)?,
        attempts: small(row.get(7)?)?,
        died_at: time(row.get(8)?)?,
        state: letter_state(&row.get::<_, String>(9)?)?,
        payload: row.get(10)?,
        received_at: time(row.get(11)?)?,
        repeats: u64::try_from(row.get::<_, i64>(12)?).unwrap_or_default(),
    })
}
