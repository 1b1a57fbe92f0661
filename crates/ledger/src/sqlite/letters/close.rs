//! Dead letters that an operator closes and reopens.

use std::collections::BTreeMap;

use connections::ConnectionId;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::super::audit;
use super::super::failure::Failure;
use super::super::words::{limit, micros};
use crate::Act;
use crate::dead_letters::{DISCARDED, EXPIRED, REPLAYED, RESTORED, RETENTION_ENDED, expiry};

const DISCARD: &str =
    "UPDATE dead_letters SET state = 'discarded', discarded_at = ?2, reason = ?3, kept_until = ?4
    WHERE id = ?1 AND state = 'open' RETURNING connection";

/// Only dead letters that can be replayed: the event is dead, and its payload is kept.
const RESTORE: &str =
    "UPDATE dead_letters SET state = 'open', discarded_at = NULL, reason = NULL, kept_until = NULL
    WHERE id = ?1 AND state = 'discarded' AND EXISTS (
        SELECT 1 FROM payloads p JOIN events e ON e.id = p.event
        WHERE p.event = dead_letters.event AND e.state = 'dead')
    RETURNING connection";

/// A dead letter that is marked already is published again.
const REPLAY: &str = "UPDATE dead_letters SET state = 'replaying'
    WHERE id = ?1 AND state IN ('open', 'replaying') RETURNING connection";

const KEPT_LONG_ENOUGH: &str =
    "SELECT id FROM dead_letters WHERE kept_until < ?1 ORDER BY kept_until LIMIT ?2";

const OLD_OF_CLASS: &str = "SELECT id, connection FROM dead_letters
    WHERE state = 'open' AND class = ?1 AND died_at < ?2 ORDER BY died_at LIMIT ?3";

const EXPIRE: &str =
    "UPDATE dead_letters SET state = 'discarded', discarded_at = ?2, reason = ?3, kept_until = NULL,
        bytes = 0
    WHERE id = ?1";

const KEEP_NO_LONGER: &str = "UPDATE dead_letters SET kept_until = NULL, bytes = 0 WHERE id = ?1";

/// Discards open dead letters. Returns their ids.
pub(in super::super) fn discard(
    database: &Connection,
    ids: &[i64],
    act: &Act,
    kept_until: Option<i64>,
) -> Result<Vec<i64>, Failure> {
    let mut moved = Vec::new();
    for id in ids {
        let values = (id, micros(act.at), &act.reason, kept_until);
        let connection = database.prepare_cached(DISCARD)?.query_row(values, |row| row.get(0)).optional()?;
        let Some(connection) = connection else { continue };
        if kept_until.is_none() {
            database.prepare_cached(super::DROP_PAYLOAD)?.execute([id])?;
        }
        moved.push((*id, connection));
    }
    noted(database, act, DISCARDED, moved)
}

/// Reopens discarded dead letters that can be replayed. Returns their ids.
pub(in super::super) fn restore(database: &Connection, ids: &[i64], act: &Act) -> Result<Vec<i64>, Failure> {
    let mut moved = Vec::new();
    for id in ids {
        let connection = database.prepare_cached(RESTORE)?.query_row([id], |row| row.get(0)).optional()?;
        moved.extend(connection.map(|connection: ConnectionId| (*id, connection)));
    }
    noted(database, act, RESTORED, moved)
}

/// Marks open dead letters as replaying. Returns the ids of all that are marked now.
pub(in super::super) fn replay(database: &Connection, ids: &[i64], act: &Act) -> Result<Vec<i64>, Failure> {
    let mut marked = Vec::new();
    for id in ids {
        let connection = database.prepare_cached(REPLAY)?.query_row([id], |row| row.get(0)).optional()?;
        marked.extend(connection.map(|connection: ConnectionId| (*id, connection)));
    }
    noted(database, act, REPLAYED, marked)
}

/// Writes one line of the audit for each connection. Returns the ids.
pub(in super::super) fn noted(
    database: &Connection,
    act: &Act,
    action: &str,
    moved: Vec<(i64, ConnectionId)>,
) -> Result<Vec<i64>, Failure> {
    let mut by_connection: BTreeMap<ConnectionId, usize> = BTreeMap::new();
    moved.iter().for_each(|(_, connection)| *by_connection.entry(*connection).or_default() += 1);
    for (connection, number) in by_connection {
        audit::append(database, &[act.line(action, connection, number)])?;
    }
    Ok(moved.into_iter().map(|(id, _)| id).collect())
}

/// Deletes the payloads of discarded dead letters that were kept until `now`, at most `rows`. Returns their number.
pub(in super::super) fn drop_discarded(
    database: &Connection,
    now: i64,
    rows: usize,
) -> Result<usize, Failure> {
    let mut statement = database.prepare_cached(KEPT_LONG_ENOUGH)?;
    let ids = statement.query_map((now, limit(rows)), |row| row.get(0))?;
    let ids = ids.collect::<Result<Vec<i64>, _>>()?;
    for id in &ids {
        database.prepare_cached(super::DROP_PAYLOAD)?.execute([id])?;
        database.prepare_cached(KEEP_NO_LONGER)?.execute([id])?;
    }
    Ok(ids.len())
}

/// Discards open dead letters of a class that died before a time, and deletes their payloads, at most `rows`. Returns their number.
pub(in super::super) fn expire_class(
    database: &Connection,
    class: &str,
    (before, now): (Timestamp, Timestamp),
    rows: usize,
) -> Result<usize, Failure> {
    let mut statement = database.prepare_cached(OLD_OF_CLASS)?;
    let old =
        statement.query_map((class, micros(before), limit(rows)), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let old = old.collect::<Result<Vec<(i64, ConnectionId)>, _>>()?;
    for (id, _) in &old {
        database.prepare_cached(super::DROP_PAYLOAD)?.execute([id])?;
        database.prepare_cached(EXPIRE)?.execute((id, micros(now), RETENTION_ENDED))?;
    }
    Ok(noted(database, &expiry(now, class), EXPIRED, old)?.len())
}
