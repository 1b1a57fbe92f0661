//! Dead letters that an operator closes and reopens.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::super::audit::{noting, of_act};
use super::super::failure::Failure;
use super::super::rows;
use crate::Act;
use crate::dead_letters::{DISCARDED, EXPIRED, REPLAYED, RESTORED, expiry};
use crate::words::{limit, micros};

/// Rows are locked in the order of their ids, so that two operators never wait for each other in a circle. `+ 0` and `uuid_send` prevent an
/// index scan in that order, which would read all dead letters. Each act is one statement, so that others do not wait for a message of
/// ours. Workers lock payloads before dead letters; so does every statement that deletes payloads, one by one in the order of the events,
/// regardless of the table's statistics. Counting `held` makes Postgres lock all of its rows first.
const DISCARD: &str = concat!(
    "WITH held AS MATERIALIZED (
        SELECT p.event_id FROM (
            SELECT event_id FROM dead_letters WHERE $10::bigint IS NULL AND id = ANY($9) AND state = 'open'
            ORDER BY uuid_send(event_id)) d
        CROSS JOIN LATERAL (SELECT event_id FROM pending WHERE event_id = d.event_id FOR UPDATE) p),
    wanted AS (
        SELECT id FROM dead_letters WHERE id = ANY($9) AND state = 'open' AND (SELECT COUNT(*) FROM held) >= 0
        ORDER BY id + 0 FOR UPDATE),
    moved AS (
        UPDATE dead_letters SET state = 'discarded', discarded_at = $1, reason = $8, kept_until = $10
        WHERE id IN (SELECT id FROM wanted) RETURNING id, connection, event_id),
    dropped AS (
        UPDATE pending SET payload = NULL
        WHERE $10::bigint IS NULL AND dead AND event_id IN (SELECT event_id FROM moved)),
    noted AS (",
    noting!("moved"),
    ") SELECT id FROM moved"
);

/// Only dead letters that can be replayed: the event is dead, and its payload is kept. After a wait for an erasure, Postgres checks only the
/// columns of the dead letter again, hence `bytes`.
const RESTORE: &str = concat!(
    "WITH wanted AS (
        SELECT id FROM dead_letters WHERE id = ANY($9) AND state = 'discarded' AND bytes > 0 AND EXISTS (
            SELECT 1 FROM pending p
            WHERE p.event_id = dead_letters.event_id AND p.dead AND p.payload IS NOT NULL)
        ORDER BY id + 0 FOR UPDATE),
    moved AS (
        UPDATE dead_letters SET state = 'open', discarded_at = NULL, reason = NULL, kept_until = NULL
        WHERE id IN (SELECT id FROM wanted) RETURNING id, connection),
    noted AS (",
    noting!("moved"),
    ") SELECT id FROM moved"
);

/// A dead letter that is marked already is published again.
const REPLAY: &str = concat!(
    "WITH wanted AS (
        SELECT id FROM dead_letters WHERE id = ANY($9) AND state IN ('open', 'replaying')
        ORDER BY id + 0 FOR UPDATE),
    moved AS (
        UPDATE dead_letters SET state = 'replaying'
        WHERE id IN (SELECT id FROM wanted) RETURNING id, connection),
    noted AS (",
    noting!("moved"),
    ") SELECT id FROM moved"
);

/// Selects into `free` the dead letters of `old` that nobody else is writing, and locks them with their payloads, payloads first. Rows that
/// another process is writing are left to the next sweep.
macro_rules! free {
    ($still:literal) => {
        concat!(
            "held AS MATERIALIZED (
                SELECT p.event_id FROM (SELECT event_id FROM old ORDER BY event_id) o CROSS JOIN LATERAL (
                    SELECT event_id FROM pending WHERE event_id = o.event_id FOR UPDATE SKIP LOCKED) p),
            free AS MATERIALIZED (
                SELECT f.id FROM (
                    SELECT id FROM old WHERE event_id IN (SELECT event_id FROM held) OR NOT EXISTS (
                        SELECT 1 FROM pending p WHERE p.event_id = old.event_id)) o
                CROSS JOIN LATERAL (
                    SELECT id FROM dead_letters WHERE id = o.id AND ",
            $still,
            " FOR UPDATE SKIP LOCKED) f)"
        )
    };
}
pub(in super::super) use free;

const KEEP_NO_LONGER: &str = concat!(
    "WITH old AS MATERIALIZED (
        SELECT id, event_id FROM dead_letters WHERE kept_until < $1 ORDER BY kept_until LIMIT $2),
    ",
    free!("kept_until < $1"),
    ", moved AS (
        UPDATE dead_letters SET kept_until = NULL, bytes = 0 WHERE id IN (SELECT id FROM free)
        RETURNING id, event_id),
    dropped AS (
        UPDATE pending SET payload = NULL WHERE dead AND event_id IN (SELECT event_id FROM moved))
    SELECT id FROM moved"
);

/// With `class = $9`, a generic plan may scan all dead letters by time, for each page again; hence `BETWEEN`.
const EXPIRE: &str = concat!(
    "WITH old AS MATERIALIZED (
        SELECT id, event_id FROM dead_letters WHERE state = 'open' AND class BETWEEN $9 AND $9 AND died_at < $10
        ORDER BY class, died_at LIMIT $11),
    ",
    free!("state = 'open' AND died_at < $10"),
    ", moved AS (
        UPDATE dead_letters SET state = 'discarded', discarded_at = $1, reason = $8, kept_until = NULL, bytes = 0
        WHERE id IN (SELECT id FROM free) RETURNING id, connection, event_id),
    dropped AS (
        UPDATE pending SET payload = NULL WHERE dead AND event_id IN (SELECT event_id FROM moved)),
    noted AS (",
    noting!("moved"),
    ") SELECT id FROM moved"
);

type Ids = Vec<(i64,)>;

fn ids(found: Ids) -> Vec<i64> {
    found.into_iter().map(|(id,)| id).collect()
}

/// Discards open dead letters. Returns their ids.
pub(in super::super) async fn discard(
    db: &mut PgConnection,
    letters: &[i64],
    act: &Act,
    kept_until: Option<i64>,
) -> Result<Vec<i64>, Failure> {
    let discard = of_act(rows(DISCARD), act, DISCARDED).bind(letters).bind(kept_until);
    Ok(ids(discard.fetch_all(db).await?))
}

/// Reopens discarded dead letters that can be replayed. Returns their ids.
pub(in super::super) async fn restore(
    db: &mut PgConnection,
    letters: &[i64],
    act: &Act,
) -> Result<Vec<i64>, Failure> {
    Ok(ids(of_act(rows(RESTORE), act, RESTORED).bind(letters).fetch_all(db).await?))
}

/// Marks open dead letters as replaying. Returns the ids of all that are marked now.
pub(in super::super) async fn replay(
    db: &mut PgConnection,
    letters: &[i64],
    act: &Act,
) -> Result<Vec<i64>, Failure> {
    Ok(ids(of_act(rows(REPLAY), act, REPLAYED).bind(letters).fetch_all(db).await?))
}

/// Deletes the payloads of discarded dead letters that were kept until `now`, at most `most`. Returns their number.
pub(in super::super) async fn drop_discarded(
    db: &mut PgConnection,
    now: i64,
    most: usize,
) -> Result<usize, Failure> {
    let old: Ids = rows(KEEP_NO_LONGER).bind(now).bind(limit(most)).fetch_all(db).await?;
    Ok(old.len())
}

/// Discards open dead letters of a class that died before a time, and deletes their payloads, at most `most`. Returns their number.
pub(in super::super) async fn expire_class(
    db: &mut PgConnection,
    class: &str,
    (before, now): (Timestamp, Timestamp),
    most: usize,
) -> Result<usize, Failure> {
    let expire = of_act(rows(EXPIRE), &expiry(now, class), EXPIRED).bind(class).bind(micros(before));
    let old: Ids = expire.bind(limit(most)).fetch_all(db).await?;
    Ok(old.len())
}
