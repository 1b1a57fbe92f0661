//! Removes a connection in two steps: first the connection itself and its small tables in one transaction, then its other rows page by
//! page, so that the ledger stays available to other connections.

use connections::ConnectionId;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::{Failure, found};
use crate::sqlite::rows::all;
use crate::sqlite::words::limit;

const CONNECTION: &str = "DELETE FROM connections WHERE id = ?1";

const REMEMBER: &str = "INSERT INTO removed_connections (id, is_emptied) VALUES (?1, 0)";

const IS_REMOVED: &str = "SELECT EXISTS (SELECT 1 FROM removed_connections WHERE id = ?1)";

/// Deletes the rows of tables that are small for each connection, in the same transaction as the connection.
const AT_ONCE: [&str; 12] = [
    "DELETE FROM leases WHERE connection = ?1",
    "DELETE FROM claims WHERE connection = ?1",
    "DELETE FROM calls WHERE connection = ?1",
    "DELETE FROM interrupted_calls WHERE connection = ?1",
    "DELETE FROM walks WHERE connection = ?1",
    "DELETE FROM unmapped WHERE connection = ?1",
    "DELETE FROM audiences WHERE connection = ?1",
    "DELETE FROM audience_counts WHERE connection = ?1",
    "DELETE FROM audience_walks WHERE connection = ?1",
    "DELETE FROM tallies WHERE connection = ?1",
    "DELETE FROM directories WHERE connection = ?1",
    "DELETE FROM custom_fields WHERE connection = ?1",
];

/// Delete the counts of dead letters last, because each page of dead letters changes them.
const LAST: [&str; 2] =
    ["DELETE FROM letter_counts WHERE connection = ?1", "DELETE FROM letter_notes WHERE connection = ?1"];

/// Delete pages of the tables that grow with the number of persons. Each statement uses an index, except the last one: notifications
/// are few.
const BY_PAGE: [&str; 6] = [
    "DELETE FROM graphs WHERE id IN (SELECT id FROM graphs WHERE connection = ?1 LIMIT ?2)",
    "DELETE FROM graph_digests WHERE connection = ?1
        AND digest IN (SELECT digest FROM graph_digests WHERE connection = ?1 LIMIT ?2)",
    "DELETE FROM affiliate_codes WHERE connection = ?1
        AND affiliate IN (SELECT affiliate FROM affiliate_codes WHERE connection = ?1 LIMIT ?2)",
    "DELETE FROM directory WHERE connection = ?1
        AND code IN (SELECT code FROM directory WHERE connection = ?1 LIMIT ?2)",
    "DELETE FROM drift WHERE connection = ?1
        AND code IN (SELECT code FROM drift WHERE connection = ?1 LIMIT ?2)",
    "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE connection = ?1 LIMIT ?2)",
];

/// Finds items by plan and state, because no index begins with the connection.
const PLAN_ITEMS: &str = "SELECT i.plan, i.letter, i.state, i.reason
    FROM (SELECT DISTINCT plan, state FROM plan_counts) c
    CROSS JOIN plan_items i INDEXED BY plan_items_in_order
        ON i.plan = c.plan AND i.state = c.state AND i.connection = ?1 LIMIT ?2";

const COUNT_ITEM: &str =
    "UPDATE plan_counts SET count = count - 1 WHERE plan = ?1 AND state = ?2 AND reason = ?3";

const DROP_HOLD: &str = "DELETE FROM plan_holds WHERE letter = ?1";

const DROP_ITEM: &str = "DELETE FROM plan_items WHERE plan = ?1 AND letter = ?2";

/// Number of events to scan for each row of a page. Events have no index by connection, because it would make every event that is
/// recorded more expensive.
const SCANNED_PER_ROW: i64 = 20;

const UNFINISHED: &str =
    "SELECT id, events_until FROM removed_connections WHERE is_emptied = 0 ORDER BY id LIMIT 1";

/// The place before the first event, and the last event.
const ALL_EVENTS: &str =
    "SELECT (SELECT COALESCE(MIN(id), 1) - 1 FROM events), (SELECT COALESCE(MAX(id), 0) FROM events)";

/// The last event of a page, if the page is full.
const LAST_OF_PAGE: &str = "SELECT id FROM events WHERE connection = ?1 AND id > ?2 AND id <= ?3
    ORDER BY id LIMIT 1 OFFSET ?4";

/// Also deletes payloads, outcomes, attempts and dead letters, by cascades; triggers update the counts of dead letters. The
/// `findable` rows of the events contain digests only; they are deleted when they expire.
const DROP_EVENTS: &str = "DELETE FROM events WHERE connection = ?1 AND id > ?2 AND id <= ?3";

const SET_UNTIL: &str = "UPDATE removed_connections SET events_until = ?2 WHERE id = ?1";

const EMPTIED: &str = "UPDATE removed_connections SET is_emptied = 1 WHERE id = ?1";

/// Removes a connection: from now on its data is not delivered and not counted. [`empty`] removes the other rows, except those of the
/// audit, which contain ids only.
pub(super) fn begin(database: &Connection, id: ConnectionId) -> Result<(), Failure> {
    found(database.prepare_cached(CONNECTION)?.execute([id])?)?;
    database.prepare_cached(REMEMBER)?.execute([id])?;
    delete(database, id, &AT_ONCE)
}

fn delete(database: &Connection, id: ConnectionId, statements: &[&str]) -> Result<(), Failure> {
    for statement in statements {
        database.prepare_cached(statement)?.execute([id])?;
    }
    Ok(())
}

/// Removes about `rows` rows of removed connections. Returns `rows`, or 0 if no removed connection has rows left.
pub(in crate::sqlite) fn empty(database: &Connection, rows: usize) -> Result<usize, Failure> {
    let unfinished = database.prepare_cached(UNFINISHED)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((id, until)) = unfinished.optional()? else { return Ok(0) };
    if plan_items(database, id, rows)? || events(database, (id, until), rows)? {
        return Ok(rows);
    }
    for statement in BY_PAGE {
        if database.prepare_cached(statement)?.execute((id, limit(rows)))? > 0 {
            return Ok(rows);
        }
    }
    // Other processes may have written such rows meanwhile, as sweeps and skipped events do.
    delete(database, id, &AT_ONCE)?;
    delete(database, id, &LAST)?;
    database.prepare_cached(EMPTIED)?.execute([id])?;
    Ok(rows)
}

/// Removes a page of plan items, and updates the counts of the plans. Returns whether there were any.
fn plan_items(database: &Connection, id: ConnectionId, rows: usize) -> Result<bool, Failure> {
    let items: Vec<(i64, i64, String, String)> = all(database, PLAN_ITEMS, (id, limit(rows)), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    for (plan, letter, state, reason) in &items {
        database.prepare_cached(COUNT_ITEM)?.execute((plan, state, reason))?;
        database.prepare_cached(DROP_HOLD)?.execute([letter])?;
        database.prepare_cached(DROP_ITEM)?.execute((plan, letter))?;
    }
    Ok(!items.is_empty())
}

/// Scans the next events, and removes those of the connection. Returns whether there were events to scan.
fn events(database: &Connection, (id, until): (ConnectionId, i64), rows: usize) -> Result<bool, Failure> {
    let (first, last): (i64, i64) =
        database.prepare_cached(ALL_EVENTS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let until = until.max(first);
    if until >= last {
        return Ok(false);
    }
    let scanned = last.min(until.saturating_add(limit(rows).saturating_mul(SCANNED_PER_ROW)));
    let values = (id, until, scanned, limit(rows).saturating_sub(1));
    let full = database.prepare_cached(LAST_OF_PAGE)?.query_row(values, |row| row.get(0)).optional()?;
    let next = full.unwrap_or(scanned);
    database.prepare_cached(DROP_EVENTS)?.execute((id, until, next))?;
    database.prepare_cached(SET_UNTIL)?.execute((id, next))?;
    Ok(next < last)
}

/// Fails if the connection was removed after the caller read what it is about to record: such an event would never end, and nobody
/// could find it.
pub(in crate::sqlite) fn check(database: &Connection, id: ConnectionId) -> Result<(), Failure> {
    let removed: bool = database.prepare_cached(IS_REMOVED)?.query_row([id], |row| row.get(0))?;
    if removed { Err(Failure::Moved) } else { Ok(()) }
}
