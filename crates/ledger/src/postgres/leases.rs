//! Leases with their fencing tokens, and the calls that are sent under them.

use std::time::Duration;

use connections::ConnectionId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::{rows, sql};
use crate::words::{limit, micros, time};
use crate::{CallId, Fence, LONGEST_LEASE, Lease, OpenCall};

/// One statement, so that two workers at the same time run one after the other: it writes and returns nothing while
/// another holder's lease runs.
const TAKE: &str = "INSERT INTO leases AS held (connection, holder, token, expires_at) VALUES ($1, $2, 1, $4)
    ON CONFLICT (connection) DO UPDATE SET
        token = held.token + CASE WHEN held.holder = excluded.holder THEN 0 ELSE 1 END,
        holder = excluded.holder, expires_at = excluded.expires_at
    WHERE held.holder IS NULL OR held.holder = excluded.holder OR held.expires_at <= $3 OR held.expires_at > $5
    RETURNING token";

const GIVE_BACK: &str = "UPDATE leases SET holder = NULL WHERE connection = $1 AND holder = $2";

/// The lock prevents a change of the holder until the changes under the lease are committed.
const NEWEST_TOKEN: &str = "SELECT token FROM leases WHERE connection = $1 FOR SHARE";

const NEW_IDS: &str = "SELECT nextval(pg_get_serial_sequence('calls', 'id')) FROM generate_series(1, $1)";

const OPEN_CALLS: &str = "INSERT INTO calls (id, connection, token, operation, started_at, items)
    SELECT id, $1, $2, operation, started_at, items
    FROM UNNEST($3::bigint[], $4::text[], $5::bigint[], $6::text[]) AS new (id, operation, started_at, items)";

const LEFT_OPEN: &str = "SELECT id, operation, started_at, items FROM calls
    WHERE connection = $1 AND token < $2 ORDER BY id";

const CLOSE_CALLS: &str = "DELETE FROM calls WHERE id = ANY($1) AND connection = $2";

/// Takes or renews a lease; see [`crate::Calls::lease`].
pub(super) async fn take(
    db: &mut PgConnection,
    connection: ConnectionId,
    holder: Uuid,
    now: Timestamp,
    lasts: Duration,
) -> Result<Option<Lease>, Failure> {
    let expires_at = now.saturating_add(lasts).map_err(|error| Failure::Broken(error.to_string()))?;
    let latest = now.saturating_add(lasts * LONGEST_LEASE).unwrap_or(Timestamp::MAX);
    let take = rows(TAKE)
        .bind(connection)
        .bind(holder)
        .bind(micros(now))
        .bind(micros(expires_at))
        .bind(micros(latest));
    let taken: Option<(i64,)> = take.fetch_optional(db).await?;
    // In the stored precision: microseconds.
    let expires_at = time(micros(expires_at))?;
    Ok(taken.map(|(token,)| Lease { token, expires_at }))
}

/// Ends a lease. The next holder gets a greater token, even if it is the same one.
pub(super) async fn give_back(
    db: &mut PgConnection,
    connection: ConnectionId,
    holder: Uuid,
) -> Result<(), Failure> {
    sql(GIVE_BACK).bind(connection).bind(holder).execute(db).await?;
    Ok(())
}

/// Fails the transaction unless the token is the newest.
pub(super) async fn check(
    db: &mut PgConnection,
    connection: ConnectionId,
    fence: Fence,
) -> Result<(), Failure> {
    let newest: Option<(i64,)> = rows(NEWEST_TOKEN).bind(connection).fetch_optional(db).await?;
    if newest == Some((fence.token,)) { Ok(()) } else { Err(Failure::Fenced) }
}

/// Records calls that are about to be sent. Returns their ids in the same order.
pub(super) async fn open_calls(
    db: &mut PgConnection,
    connection: ConnectionId,
    fence: Fence,
    calls: &[OpenCall],
) -> Result<Vec<CallId>, Failure> {
    check(db, connection, fence).await?;
    let ids: Vec<(CallId,)> = rows(NEW_IDS).bind(limit(calls.len())).fetch_all(&mut *db).await?;
    let ids: Vec<CallId> = ids.into_iter().map(|(id,)| id).collect();
    let items = calls.iter().map(|call| serde_json::to_string(&call.items));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let operations: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    let started: Vec<i64> = calls.iter().map(|call| micros(call.started_at)).collect();
    let open = sql(OPEN_CALLS).bind(connection).bind(fence.token).bind(&ids);
    open.bind(operations).bind(started).bind(items).execute(db).await?;
    Ok(ids)
}

/// Calls of earlier holders whose answer was never recorded.
pub(super) async fn left_open(
    db: &mut PgConnection,
    connection: ConnectionId,
    fence: Fence,
) -> Result<Vec<OpenCall>, Failure> {
    let found = rows(LEFT_OPEN).bind(connection).bind(fence.token).fetch_all(db).await?;
    found.into_iter().map(stored_call).collect()
}

/// A call from its id, operation, time and items.
pub(super) fn stored_call(
    (id, operation, started_at, items): (CallId, String, i64, String),
) -> Result<OpenCall, Failure> {
    Ok(OpenCall { id, operation, started_at: time(started_at)?, items: serde_json::from_str(&items)? })
}

/// Closes calls whose answers the same transaction records.
pub(super) async fn close_calls(
    db: &mut PgConnection,
    connection: ConnectionId,
    calls: &[CallId],
) -> Result<(), Failure> {
    if !calls.is_empty() {
        sql(CLOSE_CALLS).bind(calls).bind(connection).execute(db).await?;
    }
    Ok(())
}
