//! The partitions of tables that expire: one for each week of the time in the events' ids, created ahead.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, raw_sql};
use uuid::Uuid;

use super::failure::Failure;
use super::{rows, sql};
use crate::words::micros;

/// The tables that are partitioned, in the order in which they are locked.
pub(super) const TABLES: [&str; 4] = ["events", "outcomes", "attempts", "findable"];

/// The number of weeks after the current one that have partitions.
const AHEAD: i64 = 4;

const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// The server's clock, because all processes share it.
const NOW: &str = "SELECT (extract(epoch FROM now()) * 1000)::bigint";

const PARTITIONS: &str = "SELECT child.relname::text FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'events'::regclass";

/// The advisory lock for creating and dropping partitions.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7203155811921)";

/// The wait for a lock on a table that everybody uses is short, because all others queue behind it meanwhile.
const BRIEFLY: &str = "SET LOCAL lock_timeout = '50ms'";

/// The week, counted from 1970, of the time in an event's id; an id that is not a UUIDv7 has some week, too.
pub(super) fn week_of(event: Uuid) -> i64 {
    let ms = i64::try_from(event.as_u128() >> 80).unwrap_or(i64::MAX);
    ms / WEEK_MS
}

/// The first id of a week.
pub(super) fn begin(week: i64) -> Uuid {
    Uuid::from_u128(u128::try_from(week * WEEK_MS).unwrap_or(0) << 80)
}

/// When a week ends, in microseconds since 1970.
pub(super) fn end_micros(week: i64) -> i64 {
    (week + 1) * WEEK_MS * 1_000
}

/// The weeks that have partitions, oldest first.
pub(super) async fn there(db: &mut PgConnection) -> Result<BTreeSet<i64>, Failure> {
    let names: Vec<(String,)> = rows(PARTITIONS).fetch_all(db).await?;
    Ok(names.iter().filter_map(|(name,)| name.strip_prefix("events_w")?.parse().ok()).collect())
}

/// The weeks that ended before a time and have partitions, oldest first.
pub(super) async fn ended(db: &mut PgConnection, before: Timestamp) -> Result<Vec<i64>, Failure> {
    Ok(there(db).await?.into_iter().filter(|week| end_micros(*week) <= micros(before)).collect())
}

/// Creates the partitions of this week and of some coming ones. A week that cannot be created now is left to the next
/// time; its events are stored in `..._rest` until then.
pub(super) async fn make_ahead(db: &mut PgConnection) -> Result<(), Failure> {
    let (now,): (i64,) = rows(NOW).fetch_one(&mut *db).await?;
    let present = now / WEEK_MS;
    let there = there(db).await?;
    for week in (present..=present + AHEAD).filter(|week| !there.contains(week)) {
        sql("BEGIN").execute(&mut *db).await?;
        let made = make(db, week).await;
        let last = if made.is_ok() { "COMMIT" } else { "ROLLBACK" };
        sql(last).execute(&mut *db).await?;
        match made {
            Err(failure) if failure.leaves_connection_usable() => {
                let code = failure.code();
                tracing::warn!(week, code, "the partition of a week could not be made yet");
            }
            other => other?,
        }
    }
    Ok(())
}

async fn make(db: &mut PgConnection, week: i64) -> Result<(), Failure> {
    lock(db).await?;
    let (from, to) = (begin(week), begin(week + 1));
    for table in TABLES {
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {table}_w{week} PARTITION OF {table} \
             FOR VALUES FROM ('{from}') TO ('{to}')"
        );
        run(db, create).await?;
    }
    Ok(())
}

/// Makes sure that no other process creates or drops partitions during this transaction.
pub(super) async fn lock(db: &mut PgConnection) -> Result<(), Failure> {
    sql(BRIEFLY).execute(&mut *db).await?;
    sql(LOCK).execute(db).await?;
    Ok(())
}

/// Runs a statement that is composed only of fixed words and numbers.
pub(super) async fn run(db: &mut PgConnection, statement: String) -> Result<u64, Failure> {
    Ok(raw_sql(AssertSqlSafe(statement)).execute(db).await?.rows_affected())
}

/// Prepares such a statement with values.
pub(super) fn query(statement: String) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(statement)).persistent(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_lies_in_its_week() {
        for ms in [0, 1, WEEK_MS - 1, WEEK_MS, 1_795_000_000_000] {
            let event = Uuid::from_u128(u128::try_from(ms).expect("positive") << 80 | 7 << 76 | 0xABC);
            let week = week_of(event);
            assert!(begin(week) <= event && event < begin(week + 1));
            assert!(end_micros(week) > ms * 1_000);
        }
    }
}
