//! Claims: the exclusive right of one process to change the graphs of a connection, after repeated conflicts.

use connections::ConnectionId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::sql;
use crate::words::micros;
use crate::{Changes, Claim};

const TAKE: &str = "INSERT INTO claims (connection, holder, until) VALUES ($1, $2, $3)
    ON CONFLICT (connection) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE claims.holder = excluded.holder OR claims.until <= $4";

const END: &str = "DELETE FROM claims WHERE connection = $1 AND holder = $2";

/// Claims the graphs of a connection, unless another process has claimed them.
pub(super) async fn take(
    db: &mut PgConnection,
    connection: ConnectionId,
    claim: Claim,
    now: Timestamp,
) -> Result<bool, Failure> {
    let take = sql(TAKE).bind(connection).bind(claim.holder).bind(micros(claim.until)).bind(micros(now));
    Ok(take.execute(db).await?.rows_affected() > 0)
}

/// Ends a claim.
pub(super) async fn end(
    db: &mut PgConnection,
    connection: ConnectionId,
    claim: Claim,
) -> Result<(), Failure> {
    sql(END).bind(connection).bind(claim.holder).execute(db).await?;
    Ok(())
}

/// Fails if another process has claimed the graphs to write.
pub(super) fn check(changes: &Changes, held: Option<(Uuid, i64)>) -> Result<(), Failure> {
    let Some((holder, until)) = held else { return Ok(()) };
    let is_mine = changes.claim.is_some_and(|claim| claim.holder == holder);
    if is_mine || until <= micros(changes.now) { Ok(()) } else { Err(Failure::Claimed) }
}
