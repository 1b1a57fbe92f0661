//! Removes a connection in two steps: first the connection itself and its small tables in one transaction, then its other rows page by
//! page, so that nobody waits long for a lock.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{ConnectionId, Failure, found, rows, sql};
use crate::postgres::plans;
use crate::words::limit;

const CONNECTION: &str = "DELETE FROM connections WHERE id = $1";

const REMEMBER: &str = "INSERT INTO removed_connections (id, is_emptied) VALUES ($1, false)";

/// Held until the end of the transaction: a removal waits for it, and what comes after the removal finds no row.
const HOLD: &str = "SELECT k.holder, k.until FROM connections c LEFT JOIN claims k ON k.connection = c.id
    WHERE c.id = $1 FOR KEY SHARE OF c";

const IS_REMOVED: &str = "SELECT EXISTS (SELECT 1 FROM removed_connections WHERE id = $1),
    (SELECT holder FROM claims WHERE connection = $1), (SELECT until FROM claims WHERE connection = $1)";

/// Deletes the rows of tables that are small for each connection, in the same transaction as the connection.
const AT_ONCE: [&str; 15] = [
    "DELETE FROM leases WHERE connection = $1",
    "DELETE FROM claims WHERE connection = $1",
    "DELETE FROM calls WHERE connection = $1",
    "DELETE FROM interrupted_calls WHERE connection = $1",
    "DELETE FROM walks WHERE connection = $1",
    "DELETE FROM unmapped WHERE connection = $1",
    "DELETE FROM unmapped_changes WHERE connection = $1",
    "DELETE FROM audiences WHERE connection = $1",
    "DELETE FROM audience_counts WHERE connection = $1",
    "DELETE FROM audience_count_changes WHERE connection = $1",
    "DELETE FROM audience_walks WHERE connection = $1",
    "DELETE FROM tallies WHERE connection = $1",
    "DELETE FROM tally_changes WHERE connection = $1",
    "DELETE FROM directories WHERE connection = $1",
    "DELETE FROM custom_fields WHERE connection = $1",
];

/// Delete pages of the tables that grow with the number of persons. Each statement uses an index, except the last one: notifications
/// are few. Where another index exists, `BETWEEN` and the order name the one to use: by the primary key, each page would pass over the
/// rows of other connections.
const BY_PAGE: [&str; 8] = [
    "DELETE FROM stray_letters WHERE connection = $1 AND digest = ANY(ARRAY(
        SELECT digest FROM stray_letters WHERE connection = $1 ORDER BY digest LIMIT $2))",
    "DELETE FROM work WHERE graph = ANY(ARRAY(SELECT graph FROM work WHERE connection BETWEEN $1 AND $1
        ORDER BY connection, lane, step, due_at, graph LIMIT $2))",
    "DELETE FROM graphs WHERE id = ANY(ARRAY(SELECT id FROM graphs WHERE connection BETWEEN $1 AND $1
        ORDER BY connection, id LIMIT $2))",
    "DELETE FROM graph_digests WHERE connection = $1 AND digest = ANY(ARRAY(
        SELECT digest FROM graph_digests WHERE connection = $1 ORDER BY digest LIMIT $2))",
    "DELETE FROM affiliate_codes WHERE connection = $1 AND affiliate = ANY(ARRAY(
        SELECT affiliate FROM affiliate_codes WHERE connection = $1 ORDER BY affiliate LIMIT $2))",
    "DELETE FROM directory WHERE connection = $1 AND code = ANY(ARRAY(
        SELECT code FROM directory WHERE connection = $1 ORDER BY code LIMIT $2))",
    "DELETE FROM drift WHERE connection = $1 AND code = ANY(ARRAY(
        SELECT code FROM drift WHERE connection = $1 ORDER BY code LIMIT $2))",
    "DELETE FROM notifications WHERE id = ANY(ARRAY(
        SELECT id FROM notifications WHERE connection = $1 LIMIT $2))",
];

/// Delete the counts of dead letters last, because each page of dead letters changes them.
const LAST: [&str; 4] = [
    "DELETE FROM letter_people WHERE connection = $1",
    "DELETE FROM letter_counts WHERE connection = $1",
    "DELETE FROM letter_count_changes WHERE connection = $1",
    "DELETE FROM letter_notes WHERE connection = $1",
];

/// Number of events to scan for each row of a page. Events have no index by connection, because it would make every event that is
/// recorded more expensive.
const SCANNED_PER_ROW: usize = 20;

/// Another process may be removing another connection at the same time.
const UNFINISHED: &str = "SELECT id, events_until FROM removed_connections WHERE NOT is_emptied
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED";

const NEXT_EVENTS: &str =
    "SELECT event_id, connection = $1 FROM events WHERE event_id > $2 ORDER BY event_id LIMIT $3";

/// The bounds name the partitions to look into. Triggers update the counts of dead letters. The `findable` rows of the events contain
/// digests only; they are deleted when they expire. Payloads come before dead letters, in the order in which workers lock them; events come
/// last: the number of deleted ones is checked.
const DROP_EVENTS: [&str; 5] = [
    "DELETE FROM pending WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3",
    "DELETE FROM dead_letters WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3",
    "DELETE FROM outcomes WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3",
    "DELETE FROM attempts WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3",
    "DELETE FROM events WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3",
];

const SET_UNTIL: &str = "UPDATE removed_connections SET events_until = $2 WHERE id = $1";

const EMPTIED: &str = "UPDATE removed_connections SET is_emptied = true WHERE id = $1";

/// Removes a connection: from now on its data is not delivered and not counted. [`empty`] removes the other rows, except those of the
/// audit, which contain ids only.
pub(super) async fn begin(db: &mut PgConnection, id: ConnectionId) -> Result<(), Failure> {
    found(sql(CONNECTION).bind(id).execute(&mut *db).await?.rows_affected())?;
    sql(REMEMBER).bind(id).execute(&mut *db).await?;
    delete(db, id, &AT_ONCE).await
}

async fn delete(db: &mut PgConnection, id: ConnectionId, statements: &[&'static str]) -> Result<(), Failure> {
    for statement in statements {
        sql(statement).bind(id).execute(&mut *db).await?;
    }
    Ok(())
}

/// Removes about `most` rows of removed connections. Returns `most`, or 0 if no removed connection has rows left for this process.
pub(in crate::postgres) async fn empty(db: &mut PgConnection, most: usize) -> Result<usize, Failure> {
    let Some((id, until)) = rows(UNFINISHED).fetch_optional(&mut *db).await? else { return Ok(0) };
    if plans::remove_items(db, id, most).await? || events(db, (id, until), most).await? {
        return Ok(most);
    }
    for statement in BY_PAGE {
        if sql(statement).bind(id).bind(limit(most)).execute(&mut *db).await?.rows_affected() > 0 {
            return Ok(most);
        }
    }
    // Others may have written such rows meanwhile, as sweeps and skipped events do.
    delete(db, id, &AT_ONCE).await?;
    delete(db, id, &LAST).await?;
    sql(EMPTIED).bind(id).execute(db).await?;
    Ok(most)
}

/// Scans the next events, and removes those of the connection. Returns whether events are known to be left. Events that arrive
/// meanwhile belong to other connections, so the other rows do not wait for a moment without new events.
async fn events(
    db: &mut PgConnection,
    (id, until): (ConnectionId, Uuid),
    most: usize,
) -> Result<bool, Failure> {
    let scanned = limit(most.saturating_mul(SCANNED_PER_ROW));
    let next: Vec<(Uuid, bool)> =
        rows(NEXT_EVENTS).bind(id).bind(until).bind(scanned).fetch_all(&mut *db).await?;
    let Some((first, _)) = next.first() else { return Ok(false) };
    let (own, last) = page(&next, most, *first);
    let mut dropped = 0;
    for statement in DROP_EVENTS {
        let delete = sql(statement).bind(&own).bind(first).bind(last);
        dropped = delete.execute(&mut *db).await?.rows_affected();
    }
    // Retention may have moved an event to another partition meanwhile; the next page finds it there.
    if dropped != own.len() as u64 {
        return Ok(true);
    }
    sql(SET_UNTIL).bind(id).bind(last).execute(db).await?;
    let has_scanned_all = next.last().is_some_and(|(event, _)| *event == last) && limit(next.len()) < scanned;
    Ok(!has_scanned_all)
}

/// The first `most` events of the connection, and the last event that belongs to the page.
fn page(next: &[(Uuid, bool)], most: usize, first: Uuid) -> (Vec<Uuid>, Uuid) {
    let (mut own, mut last) = (Vec::new(), first);
    for (event, is_own) in next {
        if own.len() >= most {
            break;
        }
        own.extend(is_own.then_some(*event));
        last = *event;
    }
    (own, last)
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
