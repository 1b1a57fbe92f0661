//! Removing a connection with all that is kept for it.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{ConnectionId, Failure, found, rows, sql};

const CONNECTION: &str = "DELETE FROM connections WHERE id = $1";

const REMEMBER: &str = "INSERT INTO removed_connections (id) VALUES ($1)";

/// Held until the end of the transaction: a removal waits for it, and what comes after the removal finds no row.
const HOLD: &str = "SELECT k.holder, k.until FROM connections c LEFT JOIN claims k ON k.connection = c.id
    WHERE c.id = $1 FOR KEY SHARE OF c";

const IS_REMOVED: &str = "SELECT EXISTS (SELECT 1 FROM removed_connections WHERE id = $1),
    (SELECT holder FROM claims WHERE connection = $1), (SELECT until FROM claims WHERE connection = $1)";

/// Rows that refer to events go before them; rows that make them findable go when they expire, and hold digests only.
const REST: [&str; 35] = [
    "DELETE FROM plan_holds WHERE letter IN (SELECT letter FROM plan_items WHERE connection = $1)",
    "UPDATE plan_counts SET count = count - (SELECT COUNT(*) FROM plan_items i WHERE i.plan = plan_counts.plan
        AND i.state = plan_counts.state AND i.reason = plan_counts.reason AND i.connection = $1)",
    "DELETE FROM plan_items WHERE connection = $1",
    "DELETE FROM stray_letters WHERE connection = $1",
    "DELETE FROM dead_letters WHERE connection = $1",
    "DELETE FROM letter_people WHERE connection = $1",
    "DELETE FROM letter_counts WHERE connection = $1",
    "DELETE FROM letter_count_changes WHERE connection = $1",
    "DELETE FROM letter_notes WHERE connection = $1",
    "DELETE FROM pending USING events WHERE events.event_id = pending.event_id AND events.connection = $1",
    "DELETE FROM outcomes USING events WHERE events.event_id = outcomes.event_id AND events.connection = $1",
    "DELETE FROM attempts USING events WHERE events.event_id = attempts.event_id AND events.connection = $1",
    "DELETE FROM events WHERE connection = $1",
    "DELETE FROM notifications WHERE connection = $1",
    "DELETE FROM work WHERE connection = $1",
    "DELETE FROM graphs WHERE connection = $1",
    "DELETE FROM graph_digests WHERE connection = $1",
    "DELETE FROM leases WHERE connection = $1",
    "DELETE FROM calls WHERE connection = $1",
    "DELETE FROM interrupted_calls WHERE connection = $1",
    "DELETE FROM walks WHERE connection = $1",
    "DELETE FROM claims WHERE connection = $1",
    "DELETE FROM affiliate_codes WHERE connection = $1",
    "DELETE FROM unmapped WHERE connection = $1",
    "DELETE FROM unmapped_changes WHERE connection = $1",
    "DELETE FROM audiences WHERE connection = $1",
    "DELETE FROM audience_counts WHERE connection = $1",
    "DELETE FROM audience_count_changes WHERE connection = $1",
    "DELETE FROM audience_walks WHERE connection = $1",
    "DELETE FROM tallies WHERE connection = $1",
    "DELETE FROM tally_changes WHERE connection = $1",
    "DELETE FROM directory WHERE connection = $1",
    "DELETE FROM directories WHERE connection = $1",
    "DELETE FROM drift WHERE connection = $1",
    "DELETE FROM custom_fields WHERE connection = $1",
];

/// The work of a removal grows with what is kept: it has as long as it needs, and a plan for many rows.
const TAKE_TIME: &str = "SET LOCAL statement_timeout = 0";
const MANY_ROWS: &str = "SET LOCAL enable_hashjoin = on";

/// Removes everything of a connection but its audit, which holds ids only.
pub(super) async fn remove(db: &mut PgConnection, id: ConnectionId) -> Result<(), Failure> {
    found(sql(CONNECTION).bind(id).execute(&mut *db).await?.rows_affected())?;
    sql(REMEMBER).bind(id).execute(&mut *db).await?;
    sql(TAKE_TIME).execute(&mut *db).await?;
    sql(MANY_ROWS).execute(&mut *db).await?;
    for statement in REST {
        sql(statement).bind(id).execute(&mut *db).await?;
    }
    Ok(())
}

/// Fails where the connection was removed since what is to be recorded was read: nobody would ever end or find it. Returns
/// the holder of the claim on its graphs, and its end.
pub(in crate::postgres) async fn check(
    db: &mut PgConnection,
    id: ConnectionId,
) -> Result<Option<(Uuid, i64)>, Failure> {
    let held: Option<(Option<Uuid>, Option<i64>)> = rows(HOLD).bind(id).fetch_optional(&mut *db).await?;
    if let Some((holder, until)) = held {
        return Ok(holder.zip(until));
    }
    let (removed, holder, until): (bool, Option<Uuid>, Option<i64>) =
        rows(IS_REMOVED).bind(id).fetch_one(db).await?;
    if removed { Err(Failure::Moved) } else { Ok(holder.zip(until)) }
}
