//! Leases with their fencing tokens, and the calls that are sent under them.

use std::time::Duration;

use connections::ConnectionId;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::failure::Failure;
use super::rows::all;
use super::words::{micros, time};
use crate::{CallId, Fence, LONGEST_LEASE, Lease, OpenCall};

const READ: &str = "SELECT holder, token, expires_at FROM leases WHERE connection = ?1";

const WRITE: &str = "INSERT INTO leases (connection, holder, token, expires_at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (connection) DO UPDATE SET
        holder = excluded.holder, token = excluded.token, expires_at = excluded.expires_at";

const GIVE_BACK: &str = "UPDATE leases SET holder = NULL WHERE connection = ?1 AND holder = ?2";

const NEWEST_TOKEN: &str = "SELECT token FROM leases WHERE connection = ?1";

const OPEN_CALL: &str = "INSERT INTO calls (connection, token, operation, started_at, items)
    VALUES (?1, ?2, ?3, ?4, ?5)";

const LEFT_OPEN: &str = "SELECT id, operation, started_at, items FROM calls
    WHERE connection = ?1 AND token < ?2 ORDER BY id";

const CLOSE_CALL: &str = "DELETE FROM calls WHERE id = ?1 AND connection = ?2";

/// Takes or renews a lease; see [`crate::Calls::lease`].
pub(super) fn take(
    database: &Connection,
    connection: ConnectionId,
    holder: Uuid,
    now: Timestamp,
    lasts: Duration,
) -> Result<Option<Lease>, Failure> {
    let latest = now.saturating_add(lasts * LONGEST_LEASE).unwrap_or(Timestamp::MAX);
    let held = database
        .prepare_cached(READ)?
        .query_row([connection], |row| {
            Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })
        .optional()?;
    let token = match held {
        None => 1,
        Some((Some(other), token, _)) if other == holder.as_bytes() => token,
        Some((Some(_), _, expires_at)) if (micros(now) + 1..=micros(latest)).contains(&expires_at) => {
            return Ok(None);
        }
        Some((_, token, _)) => token + 1,
    };
    let expires_at = now.saturating_add(lasts).map_err(|error| Failure::Broken(error.to_string()))?;
    database.prepare_cached(WRITE)?.execute((connection, holder.as_bytes(), token, micros(expires_at)))?;
    // In the stored precision: microseconds.
    Ok(Some(Lease { token, expires_at: time(micros(expires_at))? }))
}

/// Ends a lease. The next holder gets a greater token, even if it is the same one.
pub(super) fn give_back(
    database: &Connection,
    connection: ConnectionId,
    holder: Uuid,
) -> Result<(), Failure> {
    database.prepare_cached(GIVE_BACK)?.execute((connection, holder.as_bytes()))?;
    Ok(())
}

/// Fails the transaction unless the token is the newest.
pub(super) fn check(database: &Connection, connection: ConnectionId, fence: Fence) -> Result<(), Failure> {
    let newest: Option<i64> =
        database.prepare_cached(NEWEST_TOKEN)?.query_row([connection], |row| row.get(0)).optional()?;
    if newest == Some(fence.token) { Ok(()) } else { Err(Failure::Fenced) }
}

/// Records calls that are about to be sent, each with the text of its items.
pub(super) fn open_calls(
    database: &Connection,
    connection: ConnectionId,
    fence: Fence,
    calls: &[(OpenCall, String)],
) -> Result<Vec<CallId>, Failure> {
    check(database, connection, fence)?;
    let mut open = database.prepare_cached(OPEN_CALL)?;
    let mut write = |(call, items): &(OpenCall, String)| -> Result<CallId, Failure> {
        Ok(open.insert((connection, fence.token, &call.operation, micros(call.started_at), items))?)
    };
    calls.iter().map(&mut write).collect()
}

/// Calls of earlier holders whose answer was never recorded.
pub(super) fn left_open(
    database: &Connection,
    connection: ConnectionId,
    fence: Fence,
) -> Result<Vec<OpenCall>, Failure> {
    all(database, LEFT_OPEN, (connection, fence.token), stored_call)
}

/// A call from its id, operation, time and items.
pub(super) fn stored_call(row: &Row<'_>) -> Result<OpenCall, Failure> {
    Ok(OpenCall {
        id: row.get(0)?,
        operation: row.get(1)?,
        started_at: time(row.get(2)?)?,
        items: serde_json::from_str(
            row.get_ref(3)?.as_str().map_err(|error| Failure::Unreadable(error.into()))?,
        )?,
    })
}

/// Closes calls whose answers the same transaction records.
pub(super) fn close_calls(
    database: &Connection,
    connection: ConnectionId,
    calls: &[CallId],
) -> Result<(), Failure> {
    let mut close = database.prepare_cached(CLOSE_CALL)?;
    for call in calls {
        close.execute((call, connection))?;
    }
    Ok(())
}
