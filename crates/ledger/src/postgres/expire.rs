//! Deletes expired data: weeks as a whole, everything else row by row.
//!
//! A week is dropped when all of it is older than the retention, so its events stay up to seven days longer than the settings say. Events
//! of a week that have to stay (pending, with a dead letter, or ended late) move to the partition `..._rest` first; if too many have to
//! stay, the others are deleted row by row. `..._rest` also contains events whose ids have no valid time. Its rows are deleted one by one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::audit::{noting, of_act};
use super::failure::Failure;
use super::letters::free;
use super::notes::Tally;
use super::{rows, sql, weeks};
use crate::SweepClock;
use crate::dead_letters::{EXPIRED, retention_ended};
use crate::words::{limit, micros, state, time};

/// A dead letter that is being replayed stays until its event is no longer pending; it may then be waiting for its person.
const OLD_LETTERS: &str = concat!(
    "WITH old AS MATERIALIZED (
        SELECT id, event_id FROM dead_letters WHERE died_at < $9 AND (state <> 'replaying' OR NOT EXISTS (
            SELECT 1 FROM pending p WHERE p.event_id = dead_letters.event_id))
        ORDER BY died_at LIMIT $10),
    ",
    free!(
        "died_at < $9 AND (state <> 'replaying' OR NOT EXISTS (
            SELECT 1 FROM pending p WHERE p.event_id = dead_letters.event_id))"
    ),
    ", gone AS (
        DELETE FROM dead_letters WHERE id IN (SELECT id FROM free) RETURNING event_id, connection, state),
    given_up AS (SELECT connection FROM gone WHERE state = 'open'),
    noted AS (",
    noting!("given_up"),
    ") SELECT event_id FROM gone"
);

/// The payload of a dead event was kept for its dead letter; the payload of a pending event stays.
const DELETE_PAYLOADS: &str = "DELETE FROM pending WHERE event_id = ANY($1) AND dead";

/// A delete locks these rows before the payloads that they lead to, and deletes the locked ones.
const DELETE_STRAYS: &str = "DELETE FROM stray_letters WHERE (connection, digest, event_id) IN (
    SELECT connection, digest, event_id FROM stray_letters WHERE event_id = ANY($1) FOR UPDATE SKIP LOCKED)";

/// An event is kept as long as its dead letter. The indexes return both kinds of outcomes in the order of their times, so they are merged
/// before the other conditions are checked.
const OLD_EVENTS: &str = "SELECT e.event_id, e.connection, o.state
    FROM (
        SELECT event_id, number, state, at FROM outcomes_rest
        UNION ALL SELECT event_id, 1, first_state, first_at FROM events_rest
    ) o JOIN events_rest e ON e.event_id = o.event_id
    WHERE o.at < $1
        AND NOT EXISTS (SELECT 1 FROM outcomes_rest n WHERE n.event_id = o.event_id AND n.number > o.number)
        AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.event_id = o.event_id AND NOT p.dead)
        AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.event_id = o.event_id)
    ORDER BY o.at LIMIT $2 FOR UPDATE OF e SKIP LOCKED";

const DELETE_ATTEMPTS: &str = "DELETE FROM attempts_rest WHERE id IN
    (SELECT id FROM attempts_rest WHERE at < $1 ORDER BY at LIMIT $2) AND at < $1";

/// Deletes blocks of which no event is left.
const DELETE_FINDABLE: &str = "DELETE FROM findable_rest WHERE last_event IN (
        SELECT last_event FROM findable_rest f
        WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = ANY(f.events)) LIMIT $1)
    AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = ANY(findable_rest.events))";

/// The server's clock, because all processes share it.
const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    (SELECT swept FROM sweeps WHERE id = 1)";

const SET_SWEPT: &str = "INSERT INTO sweeps (id, swept) VALUES (1, $1)
    ON CONFLICT (id) DO UPDATE SET swept = excluded.swept";

/// The server's time, and the progress of sweeps.
pub(super) async fn clock(db: &mut PgConnection) -> Result<SweepClock, Failure> {
    let (now, swept): (i64, Option<i64>) = rows(CLOCK).fetch_one(db).await?;
    Ok(SweepClock { now: time(now)?, swept: swept.map(time).transpose()? })
}

/// Stores the progress of sweeps.
pub(super) async fn set_swept(db: &mut PgConnection, swept: Timestamp) -> Result<(), Failure> {
    sql(SET_SWEPT).bind(micros(swept)).execute(db).await?;
    Ok(())
}

/// Deletes dead letters that are older than their retention, and records in the audit those that were open. Returns their number.
pub(super) async fn letters(
    db: &mut PgConnection,
    (before, now): (Timestamp, Timestamp),
    most: usize,
) -> Result<usize, Failure> {
    let old =
        of_act(rows(OLD_LETTERS), &retention_ended(now), EXPIRED).bind(micros(before)).bind(limit(most));
    let events: Vec<(Uuid,)> = old.fetch_all(&mut *db).await?;
    let events: Vec<Uuid> = events.into_iter().map(|(event,)| event).collect();
    if !events.is_empty() {
        sql(DELETE_STRAYS).bind(&events).execute(&mut *db).await?;
        sql(DELETE_PAYLOADS).bind(&events).execute(db).await?;
    }
    Ok(events.len())
}

/// Deletes events outside of weeks that ended before a time, with all of their data. Returns their number.
pub(super) async fn events(db: &mut PgConnection, before: Timestamp, most: usize) -> Result<usize, Failure> {
    let old = rows(OLD_EVENTS).bind(micros(before)).bind(limit(most));
    let old: Vec<(Uuid, i64, String)> = old.fetch_all(&mut *db).await?;
    drop_events(db, "rest", &old).await?;
    Ok(old.len())
}

/// Deletes events of one partition (`rest`, or `w` and its week) with their outcomes, failed calls and payloads, and subtracts them from
/// the counts. `old` has id, connection and state of each.
pub(super) async fn drop_events(
    db: &mut PgConnection,
    partition: &str,
    old: &[(Uuid, i64, String)],
) -> Result<(), Failure> {
    if old.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = old.iter().map(|(event, ..)| *event).collect();
    for table in ["events", "outcomes", "attempts"] {
        let delete = weeks::query(format!("DELETE FROM {table}_{partition} WHERE event_id = ANY($1)"));
        delete.bind(&ids).execute(&mut *db).await?;
    }
    sql(DELETE_PAYLOADS).bind(&ids).execute(&mut *db).await?;
    let mut tallies: BTreeMap<i64, Tally> = BTreeMap::new();
    for (event, connection, word) in old {
        tallies.entry(*connection).or_default().event(*event, Some(state(word)?), None);
    }
    for (connection, tally) in tallies {
        tally.write(db, connection).await?;
    }
    Ok(())
}

/// Deletes failed calls outside of weeks that are older than a time, and blocks of which no event is left. Returns the number of calls.
pub(super) async fn attempts(
    db: &mut PgConnection,
    before: Timestamp,
    most: usize,
) -> Result<usize, Failure> {
    let dropped = sql(DELETE_ATTEMPTS).bind(micros(before)).bind(limit(most));
    let dropped = dropped.execute(&mut *db).await?.rows_affected();
    sql(DELETE_FINDABLE).bind(limit(most)).execute(db).await?;
    Ok(usize::try_from(dropped).unwrap_or(usize::MAX))
}
