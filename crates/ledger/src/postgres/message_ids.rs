//! Clears the message ids that programs of an earlier version stored in clear.

use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::{rows, sql};
use crate::words::limit;

/// A second process that comes at the same time has nothing to do.
const POSITION: &str = "SELECT position, again_at,
        again_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    FROM message_ids_to_clear FOR UPDATE SKIP LOCKED";

const NEXT: &str = "SELECT event_id FROM events WHERE event_id > $1 ORDER BY event_id LIMIT $2";

const CLEAR: &str = "UPDATE events SET message_id = NULL
    WHERE event_id > $1 AND event_id <= $2 AND message_id IS NOT NULL";

const MOVE: &str = "UPDATE message_ids_to_clear SET position = $1";

const START_AGAIN: &str = "UPDATE message_ids_to_clear SET position = $1, again_at = NULL";

const END: &str = "DELETE FROM message_ids_to_clear";

/// Clears the next `most` events, and returns the number of events that it checked. After the last event it waits for the second pass,
/// which ends the work.
pub(super) async fn clear(db: &mut PgConnection, most: usize) -> Result<usize, Failure> {
    let found: Option<(Uuid, Option<i64>, Option<bool>)> = rows(POSITION).fetch_optional(&mut *db).await?;
    let Some((position, again_at, is_time)) = found else { return Ok(0) };
    let next: Vec<(Uuid,)> = rows(NEXT).bind(position).bind(limit(most)).fetch_all(&mut *db).await?;
    if let Some((last,)) = next.last() {
        sql(CLEAR).bind(position).bind(last).execute(&mut *db).await?;
        sql(MOVE).bind(last).execute(db).await?;
        return Ok(next.len());
    }
    if again_at.is_none() {
        sql(END).execute(db).await?;
    } else if is_time == Some(true) {
        sql(START_AGAIN).bind(Uuid::nil()).execute(db).await?;
    }
    Ok(0)
}
