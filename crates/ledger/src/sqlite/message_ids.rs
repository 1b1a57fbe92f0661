//! Clears the message ids that programs of an earlier version stored in clear.

use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::failure::Failure;
use super::words::{limit, small};

const POSITION: &str =
    "SELECT position, again_at, again_at <= unixepoch() * 1000000 FROM message_ids_to_clear";

const LAST: &str = "SELECT COUNT(*), MAX(id) FROM (SELECT id FROM events WHERE id > ?1 ORDER BY id LIMIT ?2)";

const CLEAR: &str =
    "UPDATE events SET message_id = NULL WHERE id > ?1 AND id <= ?2 AND message_id IS NOT NULL";

const MOVE: &str = "UPDATE message_ids_to_clear SET position = ?1";

const START_AGAIN: &str = "UPDATE message_ids_to_clear SET position = 0, again_at = NULL";

const END: &str = "DELETE FROM message_ids_to_clear";

/// Clears the next `rows` events, and returns the number of events that it checked. After the last event it waits for the second pass,
/// which ends the work.
pub(super) fn clear(database: &Connection, rows: usize) -> Result<usize, Failure> {
    let found: Option<(i64, Option<i64>, Option<bool>)> = database
        .prepare_cached(POSITION)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((position, again_at, is_time)) = found else { return Ok(0) };
    let (looked_at, last): (i64, Option<i64>) = database
        .prepare_cached(LAST)?
        .query_row((position, limit(rows)), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(last) = last {
        database.prepare_cached(CLEAR)?.execute((position, last))?;
        database.prepare_cached(MOVE)?.execute([last])?;
        return Ok(small(looked_at)?);
    }
    match (again_at, is_time) {
        (None, _) => database.prepare_cached(END)?.execute([])?,
        (Some(_), Some(true)) => database.prepare_cached(START_AGAIN)?.execute([])?,
        (Some(_), _) => 0,
    };
    Ok(0)
}
