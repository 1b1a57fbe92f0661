//! Dead letters that an operator closes, and opens again.

use std::collections::BTreeMap;

use connections::ConnectionId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::audit;
use super::super::failure::Failure;
use super::super::text::some_text;
use super::super::{rows, sql};
use crate::Act;
use crate::dead_letters::{DISCARDED, EXPIRED, REPLAYED, RESTORED, RETENTION_ENDED, expiry};
use crate::words::{limit, micros};

/// In the order of their ids, so that two operators never wait for each other; `+ 0`, because a walk along the index for that
/// order would pass all dead letters.
const DISCARD: &str = "WITH wanted AS (
        SELECT id FROM dead_letters WHERE id = ANY($1) AND state = 'open' ORDER BY id + 0 FOR UPDATE)
    UPDATE dead_letters SET state = 'discarded', discarded_at = $2, reason = $3, kept_until = $4
    WHERE id IN (SELECT id FROM wanted) RETURNING id, connection, event_id";

/// Only what can be replayed: the event is dead, and its payload is kept.
const RESTORE: &str = "WITH wanted AS (
        SELECT id FROM dead_letters WHERE id = ANY($1) AND state = 'discarded' AND EXISTS (
            SELECT 1 FROM pending p
            WHERE p.event_id = dead_letters.event_id AND p.dead AND p.payload IS NOT NULL)
        ORDER BY id + 0 FOR UPDATE)
    UPDATE dead_letters SET state = 'open', discarded_at = NULL, reason = NULL, kept_until = NULL
    WHERE id IN (SELECT id FROM wanted) RETURNING id, connection, event_id";

const CONNECTIONS: &str = "SELECT id, connection, event_id FROM dead_letters WHERE id = ANY($1)";

const KEEP_NO_LONGER: &str = "WITH old AS (
        SELECT id FROM dead_letters WHERE kept_until < $1 ORDER BY kept_until LIMIT $2 FOR UPDATE SKIP LOCKED)
    UPDATE dead_letters SET kept_until = NULL, bytes = 0 WHERE id IN (SELECT id FROM old) RETURNING event_id";

/// One that an operator or a worker writes at this moment is left to the next sweep. By an equal class and the time alone, a
/// generic plan may walk through all dead letters by time, for each page again.
const EXPIRE: &str = "WITH old AS (
        SELECT id FROM dead_letters WHERE state = 'open' AND class BETWEEN $1 AND $1 AND died_at < $2
        ORDER BY class, died_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    UPDATE dead_letters SET state = 'discarded', discarded_at = $4, reason = $5, kept_until = NULL, bytes = 0
    WHERE id IN (SELECT id FROM old) RETURNING id, connection, event_id";

type Moved = Vec<(i64, ConnectionId, Uuid)>;

/// Discards those that are open; which.
pub(in super::super) async fn discard(
    line: &mut PgConnection,
    ids: &[i64],
    act: &Act,
    kept_until: Option<i64>,
) -> Result<Vec<i64>, Failure> {
    let reason = some_text(act.reason.as_ref());
    let discard = rows(DISCARD).bind(ids).bind(micros(act.at)).bind(reason).bind(kept_until);
    let moved: Moved = discard.fetch_all(&mut *line).await?;
    if kept_until.is_none() {
        drop_payloads(line, moved.iter().map(|(_, _, event)| *event).collect()).await?;
    }
    noted(line, act, DISCARDED, moved).await
}

/// Opens those that were discarded and can be replayed; which.
pub(in super::super) async fn restore(
    line: &mut PgConnection,
    ids: &[i64],
    act: &Act,
) -> Result<Vec<i64>, Failure> {
    let moved: Moved = rows(RESTORE).bind(ids).fetch_all(&mut *line).await?;
    noted(line, act, RESTORED, moved).await
}

/// Notes that these are replayed.
pub(in super::super) async fn note_replay(
    line: &mut PgConnection,
    ids: &[i64],
    act: &Act,
) -> Result<(), Failure> {
    let replayed: Moved = rows(CONNECTIONS).bind(ids).fetch_all(&mut *line).await?;
    noted(line, act, REPLAYED, replayed).await.map(drop)
}

/// Writes one line of the audit for each connection; the ids.
pub(in super::super) async fn noted(
    line: &mut PgConnection,
    act: &Act,
    action: &str,
    moved: Moved,
) -> Result<Vec<i64>, Failure> {
    let mut by_connection: BTreeMap<ConnectionId, usize> = BTreeMap::new();
    moved.iter().for_each(|(_, connection, _)| *by_connection.entry(*connection).or_default() += 1);
    for (connection, number) in by_connection {
        audit::append(line, &[act.line(action, connection, number)]).await?;
    }
    Ok(moved.into_iter().map(|(id, ..)| id).collect())
}

/// Drops the payloads of dead letters that were discarded and kept until `now`, at most `most`; how many.
pub(in super::super) async fn drop_discarded(
    line: &mut PgConnection,
    now: i64,
    most: usize,
) -> Result<usize, Failure> {
    let old: Vec<(Uuid,)> = rows(KEEP_NO_LONGER).bind(now).bind(limit(most)).fetch_all(&mut *line).await?;
    let number = old.len();
    drop_payloads(line, old.into_iter().map(|(event,)| event).collect()).await?;
    Ok(number)
}

async fn drop_payloads(line: &mut PgConnection, events: Vec<Uuid>) -> Result<(), Failure> {
    sql(super::DROP_PAYLOADS).bind(events).execute(line).await?;
    Ok(())
}

/// Discards open dead letters of a class that died before a time, without their payloads, at most `most`; how many.
pub(in super::super) async fn expire_class(
    line: &mut PgConnection,
    class: &str,
    (before, now): (Timestamp, Timestamp),
    most: usize,
) -> Result<usize, Failure> {
    let expire = rows(EXPIRE).bind(class).bind(micros(before)).bind(limit(most));
    let old: Moved = expire.bind(micros(now)).bind(RETENTION_ENDED).fetch_all(&mut *line).await?;
    drop_payloads(line, old.iter().map(|(_, _, event)| *event).collect()).await?;
    Ok(noted(line, &expiry(now, class), EXPIRED, old).await?.len())
}
