//! Claims: the exclusive right of one process to change the graphs of a connection, after repeated conflicts.

use connections::ConnectionId;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::failure::Failure;
use super::words::micros;
use crate::{Changes, Claim};

const TAKE: &str = "INSERT INTO claims (connection, holder, until) VALUES (?1, ?2, ?3)
    ON CONFLICT (connection) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE claims.holder = excluded.holder OR claims.until <= ?4";

const END: &str = "DELETE FROM claims WHERE connection = ?1 AND holder = ?2";

const HOLDER: &str = "SELECT holder, until FROM claims WHERE connection = ?1";

/// Claims the graphs of a connection, unless another process has claimed them.
pub(super) fn take(
    database: &Connection,
    connection: ConnectionId,
    claim: Claim,
    now: Timestamp,
) -> Result<bool, Failure> {
    let values = (connection, claim.holder.as_bytes(), micros(claim.until), micros(now));
    Ok(database.prepare_cached(TAKE)?.execute(values)? > 0)
}

/// Ends a claim.
pub(super) fn end(database: &Connection, connection: ConnectionId, claim: Claim) -> Result<(), Failure> {
    database.prepare_cached(END)?.execute((connection, claim.holder.as_bytes()))?;
    Ok(())
}

/// Fails if another process has claimed the graphs to write.
pub(super) fn check(database: &Connection, changes: &Changes) -> Result<(), Failure> {
    let held: Option<(Vec<u8>, i64)> = database
        .prepare_cached(HOLDER)?
        .query_row([changes.connection], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((holder, until)) = held else { return Ok(()) };
    let is_mine = changes.claim.is_some_and(|claim| claim.holder.as_bytes()[..] == holder[..]);
    if is_mine || until <= micros(changes.now) { Ok(()) } else { Err(Failure::Claimed) }
}
