//! Counts of graphs and events, and the audit.
//!
//! Transactions append their changes of the counts; [`sum_up`] adds these to the counts when they are read, and from
//! time to time. So no row is written by every transaction of every worker.

use std::borrow::Cow;
use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::text::text;
use super::{audiences, sql, unmapped, weeks};
use crate::tallies::{DIRTY, HELD_BACK, STUCK, WAITING};
use crate::words::micros;
use crate::{Audit, State};

const CHANGE: &str = "INSERT INTO tally_changes (connection, week, what, change)
    SELECT $1, week, what, change FROM UNNEST($2::bigint[], $3::text[], $4::bigint[]) AS new (week, what, change)";

/// A second process does nothing: further rows are summed up the next time.
const TRY_LOCK: &str = "SELECT 1 WHERE pg_try_advisory_xact_lock(7203155811922)";

const LOCK: &str = "SELECT pg_advisory_xact_lock(7203155811922)";

const SUM_UP: &str = "WITH gone AS (DELETE FROM tally_changes RETURNING connection, week, what, change)
    INSERT INTO tallies (connection, week, what, count)
    SELECT connection, week, what, SUM(change) FROM gone GROUP BY 1, 2, 3
    ON CONFLICT (connection, week, what) DO UPDATE SET count = tallies.count + excluded.count";

const AUDIT: &str = "INSERT INTO audit (connection, at, actor, action, subject)
    SELECT $1, at, actor, action, subject
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[]) AS new (at, actor, action, subject)";

/// All counts as `counted (connection, what, count)`: those that are summed up, and the changes since.
macro_rules! all_counts {
    () => {
        "(SELECT connection, what, count FROM tallies
            UNION ALL SELECT connection, what, change FROM tally_changes) AS counted"
    };
}
pub(super) use all_counts;

/// The changes of the counts by one transaction; appended once, at its end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    changes: BTreeMap<(i64, Cow<'static, str>), i64>,
}

impl Tally {
    /// Adds to the counts of graphs, or subtracts from them.
    pub(super) fn graph(&mut self, dirty: i64, waiting: i64) {
        *self.changes.entry((0, DIRTY.into())).or_default() += dirty;
        *self.changes.entry((0, WAITING.into())).or_default() += waiting;
    }

    /// Adds to the count of payout fields that are held back, or subtracts from it.
    pub(super) fn held_back(&mut self, change: i64) {
        *self.changes.entry((0, HELD_BACK.into())).or_default() += change;
    }

    /// Adds to the counts of fields that keep a value that should be removed, or subtracts from them.
    pub(super) fn stuck(&mut self, changes: &BTreeMap<String, i64>) {
        for (field, change) in changes {
            *self.changes.entry((0, format!("{STUCK}{field}").into())).or_default() += change;
        }
    }

    /// Counts an event's change of state; `from` is `None` for a new event, `to` is `None` for an expired one.
    pub(super) fn event(&mut self, event: Uuid, from: Option<State>, to: Option<State>) {
        let week = weeks::week_of(event);
        for (state, change) in [(from, -1), (to, 1)] {
            if let Some(state) = state {
                *self.changes.entry((week, state.word().into())).or_default() += change;
            }
        }
    }

    /// Appends all changes.
    pub(super) async fn write(self, db: &mut PgConnection, connection: ConnectionId) -> Result<(), Failure> {
        let changes: Vec<_> = self.changes.into_iter().filter(|(_, change)| *change != 0).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let weeks: Vec<i64> = changes.iter().map(|((week, _), _)| *week).collect();
        let whats: Vec<&str> = changes.iter().map(|((_, what), _)| what.as_ref()).collect();
        let amounts: Vec<i64> = changes.iter().map(|(_, change)| *change).collect();
        sql(CHANGE).bind(connection).bind(weeks).bind(whats).bind(amounts).execute(db).await?;
        Ok(())
    }
}

/// Sums up the appended rows.
pub(super) async fn sum_up(db: &mut PgConnection) -> Result<(), Failure> {
    if try_lock(db).await? {
        sql(SUM_UP).execute(&mut *db).await?;
        unmapped::sum_up_locked(db).await?;
        audiences::sum_up_locked(db).await?;
    }
    Ok(())
}

/// Tries to take the lock for summing up until the end of this transaction. Returns whether it succeeded.
pub(super) async fn try_lock(db: &mut PgConnection) -> Result<bool, Failure> {
    Ok(sql(TRY_LOCK).fetch_optional(db).await?.is_some())
}

/// Takes the lock for summing up until the end of this transaction. Waits for a process that has it.
pub(super) async fn lock(db: &mut PgConnection) -> Result<(), Failure> {
    sql(LOCK).execute(db).await?;
    Ok(())
}

/// Sums up the appended counts only, without unmapped traits and audiences. The caller holds the lock.
pub(super) async fn sum_up_counts_locked(db: &mut PgConnection) -> Result<(), Failure> {
    sql(SUM_UP).execute(db).await?;
    Ok(())
}

/// Writes lines of the audit.
pub(super) async fn audit(
    db: &mut PgConnection,
    connection: ConnectionId,
    lines: &[Audit],
) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let at: Vec<i64> = lines.iter().map(|line| micros(line.at)).collect();
    let actors: Vec<_> = lines.iter().map(|line| text(&line.actor)).collect();
    let actions: Vec<_> = lines.iter().map(|line| text(&line.action)).collect();
    let subjects: Vec<_> = lines.iter().map(|line| text(&line.subject)).collect();
    sql(AUDIT).bind(connection).bind(at).bind(actors).bind(actions).bind(subjects).execute(db).await?;
    Ok(())
}
