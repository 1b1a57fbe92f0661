//! Deletes the ended events of an old week page by page, while too many of its events have to stay for dropping it as a whole.
//!
//! A pass goes through the week in the order of ids and stores its place. Events that stay are checked again a day later.

use jiff::Timestamp;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::expire::drop_events;
use super::failure::Failure;
use super::{rows, sql, weeks};
use crate::words::{limit, micros};

/// The number of events that are checked in one transaction.
const LOOK: i64 = 1_000;

/// The time between the beginnings of two passes, in microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// Creates the row of the week, or begins the next pass when that is due. Other processes wait for the row.
const PLACE: &str = "INSERT INTO thinned_weeks AS t (week, after, before, done) VALUES ($1, $2, $3, false)
    ON CONFLICT (week) DO UPDATE SET
        after = CASE WHEN t.done AND t.before + $4 <= $3 THEN excluded.after ELSE t.after END,
        before = CASE WHEN t.done AND t.before + $4 <= $3 THEN excluded.before ELSE t.before END,
        done = t.done AND t.before + $4 > $3
    RETURNING after, done";

const SET_PLACE: &str = "UPDATE thinned_weeks SET after = $2, done = $3 WHERE week = $1";

const FORGET_PLACE: &str = "DELETE FROM thinned_weeks WHERE week = $1";

/// Deletes at most `most` ended events of a week, with all of their data. Returns their number, or `None` if the pass has ended.
pub(super) async fn page(
    db: &mut PgConnection,
    week: i64,
    before: Timestamp,
    most: usize,
) -> Result<Option<usize>, Failure> {
    let before_all = Uuid::from_u128(weeks::begin(week).as_u128().saturating_sub(1));
    let place = rows(PLACE).bind(week).bind(before_all).bind(micros(before)).bind(DAY);
    let (after, is_done): (Uuid, bool) = place.fetch_one(&mut *db).await?;
    if is_done {
        return Ok(None);
    }
    let Some(last) = last_of_look(db, week, after).await? else {
        sql(SET_PLACE).bind(week).bind(after).bind(true).execute(db).await?;
        return Ok(None);
    };
    let old = old(db, week, (after, last), before, most).await?;
    let last = if old.len() < most { last } else { old.last().map_or(last, |(event, ..)| *event) };
    drop_events(db, &format!("w{week}"), &old).await?;
    drop_rest(db, week, (after, last), before).await?;
    sql(SET_PLACE).bind(week).bind(last).bind(false).execute(db).await?;
    Ok(Some(old.len()))
}

/// Deletes the place in a week that is dropped as a whole.
pub(super) async fn forget_place(db: &mut PgConnection, week: i64) -> Result<(), Failure> {
    sql(FORGET_PLACE).bind(week).execute(db).await?;
    Ok(())
}

/// The last event of the next page; `None` after the end of the week.
async fn last_of_look(db: &mut PgConnection, week: i64, after: Uuid) -> Result<Option<Uuid>, Failure> {
    let last = weeks::query(format!(
        "SELECT event_id FROM (
            SELECT event_id FROM events_w{week} WHERE event_id > $1 ORDER BY event_id LIMIT $2) AS look
        ORDER BY event_id DESC LIMIT 1"
    ));
    let row = last.bind(after).bind(LOOK).fetch_optional(db).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The events between two that ended before a time and have no dead letter: id, connection and state, in the order of ids.
async fn old(
    db: &mut PgConnection,
    week: i64,
    (after, last): (Uuid, Uuid),
    before: Timestamp,
    most: usize,
) -> Result<Vec<(Uuid, i64, String)>, Failure> {
    let old = weeks::query(format!(
        "SELECT e.event_id, e.connection, COALESCE(o.state, e.first_state)
        FROM events_w{week} e
        LEFT JOIN LATERAL (
            SELECT state, at FROM outcomes_w{week} n WHERE n.event_id = e.event_id ORDER BY number DESC LIMIT 1
        ) o ON true
        WHERE e.event_id > $1 AND e.event_id <= $2 AND COALESCE(o.at, e.first_at) < $3
            AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.event_id = e.event_id AND NOT p.dead)
            AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.event_id = e.event_id)
        ORDER BY e.event_id LIMIT $4 FOR UPDATE OF e SKIP LOCKED"
    ));
    let old = old.bind(after).bind(last).bind(micros(before)).bind(limit(most));
    let old = old.fetch_all(db).await?;
    let read = old.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)));
    read.collect()
}

/// Deletes the old failed calls of events between two, and the blocks there of which no event is left.
async fn drop_rest(
    db: &mut PgConnection,
    week: i64,
    (after, last): (Uuid, Uuid),
    before: Timestamp,
) -> Result<(), Failure> {
    let calls = weeks::query(format!(
        "DELETE FROM attempts_w{week} WHERE event_id > $1 AND event_id <= $2 AND at < $3"
    ));
    calls.bind(after).bind(last).bind(micros(before)).execute(&mut *db).await?;
    let blocks = weeks::query(format!(
        "DELETE FROM findable_w{week} f WHERE last_event > $1 AND last_event <= $2
            AND NOT EXISTS (SELECT 1 FROM events_w{week} e WHERE e.event_id = ANY(f.events))"
    ));
    blocks.bind(after).bind(last).execute(db).await?;
    Ok(())
}
