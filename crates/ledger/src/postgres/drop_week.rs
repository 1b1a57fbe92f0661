//! Dropping a week of events as a whole.
//!
//! It happens in one short transaction, under exclusive locks on the partitioned tables. It is short because indexes find the events that
//! have to stay, the counts of each week are stored separately, and the rest is only deleting files.

use identity::Digest;
use jiff::Timestamp;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::failure::Failure;
use super::notes::{self, Tally};
use super::{find, rows, sql, thin_week, weeks};
use crate::words::{digests, micros, state};

/// Upper limit of events to move out of a week before dropping it: recording waits while they are moved.
const MOST_STAYING: i64 = 500;

const LOCK: &str = "LOCK TABLE events, outcomes, attempts, findable IN ACCESS EXCLUSIVE MODE";

const DELETE_PAYLOADS: &str = "DELETE FROM pending
    WHERE dead AND event_id >= $1 AND event_id < $2 AND event_id NOT IN (SELECT UNNEST($3::uuid[]))";

/// The number of events of the week, without pending ones.
const COUNTED: &str =
    "SELECT COALESCE(SUM(count), 0)::bigint FROM tallies WHERE week = $1 AND what <> 'pending'";

const FORGET_TALLIES: &str = "DELETE FROM tallies WHERE week = $1";

const MOVED: &str = "SELECT e.event_id, e.connection, e.found_by, COALESCE(o.state, e.first_state),
        EXISTS (SELECT 1 FROM pending p WHERE p.event_id = e.event_id AND NOT p.dead)
    FROM events_rest e
    LEFT JOIN LATERAL (
        SELECT state FROM outcomes_rest n WHERE n.event_id = e.event_id ORDER BY number DESC LIMIT 1
    ) o ON true
    WHERE e.event_id = ANY($1)";

/// Drops a week that is older than `before` as a whole. Returns the number of ended events that were deleted.
pub(super) async fn drop_week(db: &mut PgConnection, week: i64, before: Timestamp) -> Result<usize, Failure> {
    weeks::lock(db).await?;
    // This comes first, because recording waits once the tables are locked.
    notes::lock(db).await?;
    sql(LOCK).execute(&mut *db).await?;
    if !weeks::there(db).await?.contains(&week) {
        return Ok(0);
    }
    // No transaction that counts events is under way now, so the counts are complete.
    notes::sum_up_counts_locked(db).await?;
    let (from, to) = (weeks::begin(week), weeks::begin(week + 1));
    let staying = staying(db, week, before).await?;
    sql(DELETE_PAYLOADS).bind(from).bind(to).bind(&staying).execute(&mut *db).await?;
    move_out(db, week, &staying, before).await?;
    let (counted,): (i64,) = rows(COUNTED).bind(week).fetch_one(&mut *db).await?;
    sql(FORGET_TALLIES).bind(week).execute(&mut *db).await?;
    let stayed = settle(db, &staying).await?;
    thin_week::forget_place(db, week).await?;
    tracing::info!(week, staying = staying.len(), "dropped a week of events");
    Ok(usize::try_from(counted).unwrap_or(0).saturating_sub(stayed))
}

/// Events of a week that are pending, that have a dead letter, or that ended late. The statements name the partitions:
/// with a condition on ids besides the time, Postgres would read the whole week by its ids.
fn staying_events(week: i64) -> [String; 4] {
    [
        "SELECT event_id FROM pending WHERE NOT dead AND event_id >= $1 AND event_id < $2".to_owned(),
        "SELECT event_id FROM dead_letters WHERE event_id >= $1 AND event_id < $2".to_owned(),
        format!("SELECT event_id FROM events_w{week} WHERE first_at >= $3"),
        format!("SELECT event_id FROM outcomes_w{week} WHERE at >= $3"),
    ]
}

/// Whether at most [`MOST_STAYING`] events stay. An event that stays for two reasons counts twice, which saves sorting all of them.
pub(super) async fn few_stay(db: &mut PgConnection, week: i64, before: Timestamp) -> Result<bool, Failure> {
    let each = staying_events(week).map(|some| format!("({some} LIMIT $4)")).join(" UNION ALL ");
    let count = weeks::query(format!("SELECT count(*) FROM ({each}) AS staying"));
    let count = count.bind(weeks::begin(week)).bind(weeks::begin(week + 1)).bind(micros(before));
    let count: i64 = count.bind(MOST_STAYING + 1).fetch_one(db).await?.try_get(0)?;
    Ok(count <= MOST_STAYING)
}

async fn staying(db: &mut PgConnection, week: i64, before: Timestamp) -> Result<Vec<Uuid>, Failure> {
    let staying = weeks::query(staying_events(week).join(" UNION "));
    let staying = staying.bind(weeks::begin(week)).bind(weeks::begin(week + 1)).bind(micros(before));
    let staying = staying.fetch_all(db).await?;
    Ok(staying.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// Detaches the partitions of the week, copies the events that stay, and drops the partitions.
async fn move_out(
    db: &mut PgConnection,
    week: i64,
    staying: &[Uuid],
    before: Timestamp,
) -> Result<(), Failure> {
    for table in weeks::TABLES {
        weeks::run(db, format!("ALTER TABLE {table} DETACH PARTITION {table}_w{week}")).await?;
    }
    let before = micros(before);
    for (table, newer) in
        [("events", String::new()), ("outcomes", String::new()), ("attempts", format!(" AND at >= {before}"))]
    {
        let copy =
            format!("INSERT INTO {table} SELECT * FROM {table}_w{week} WHERE event_id = ANY($1){newer}");
        weeks::query(copy).bind(staying).execute(&mut *db).await?;
    }
    for table in weeks::TABLES {
        weeks::run(db, format!("DROP TABLE {table}_w{week}")).await?;
    }
    Ok(())
}

/// Counts the moved events, and makes them searchable again. Returns the number of those that have ended.
async fn settle(db: &mut PgConnection, staying: &[Uuid]) -> Result<usize, Failure> {
    type Moved = (Uuid, i64, Vec<u8>, Option<String>, bool);
    let moved: Vec<Moved> = rows(MOVED).bind(staying).fetch_all(&mut *db).await?;
    let mut ended = 0;
    let mut tallies: std::collections::BTreeMap<i64, Tally> = std::collections::BTreeMap::new();
    let mut found: Vec<(Uuid, Vec<Digest>)> = Vec::new();
    for (event, connection, found_by, word, pending) in moved {
        let word = word.filter(|_| !pending).unwrap_or_else(|| crate::State::Pending.word().to_owned());
        ended += usize::from(!pending);
        tallies.entry(connection).or_default().event(event, None, Some(state(&word)?));
        found.push((event, digests(&found_by)));
    }
    for (connection, tally) in tallies {
        tally.write(db, connection).await?;
    }
    find::write(db, found.iter().map(|(event, digests)| (*event, &digests[..]))).await?;
    Ok(ended)
}
