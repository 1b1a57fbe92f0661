//! Counts beside what they count, and the audit.
//!
//! Transactions append what they add to a count; [`sum_up`] folds that into the counts when somebody looks at them, and
//! from time to time. So no row is written by every transaction of every worker.

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

/// The second process has nothing to do: what is left is summed up the next time.
const TRY_LOCK: &str = "SELECT 1 WHERE pg_try_advisory_xact_lock(7203155811922)";

const LOCK: &str = "SELECT pg_advisory_xact_lock(7203155811922)";

const SUM_UP: &str = "WITH gone AS (DELETE FROM tally_changes RETURNING connection, week, what, change)
    INSERT INTO tallies (connection, week, what, count)
    SELECT connection, week, what, SUM(change) FROM gone GROUP BY 1, 2, 3
    ON CONFLICT (connection, week, what) DO UPDATE SET count = tallies.count + excluded.count";

const AUDIT: &str = "INSERT INTO audit (connection, at, actor, action, subject)
    SELECT $1, at, actor, action, subject
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[]) AS new (at, actor, action, subject)";

/// What one transaction adds to and takes from the counts; appended once, at its end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    changes: BTreeMap<(i64, Cow<'static, str>), i64>,
}

impl Tally {
    /// Adds to the counts of graphs, or takes from them.
    pub(super) fn graph(&mut self, dirty: i64, waiting: i64) {
        *self.changes.entry((0, DIRTY.into())).or_default() += dirty;
        *self.changes.entry((0, WAITING.into())).or_default() += waiting;
    }

    /// Adds to the count of payout fields that are held back, or takes from it.
    pub(super) fn held_back(&mut self, change: i64) {
        *self.changes.entry((0, HELD_BACK.into())).or_default() += change;
    }

    /// Adds to the counts of fields that keep a value which has to go, or takes from them.
    pub(super) fn stuck(&mut self, changes: &BTreeMap<String, i64>) {
        for (field, change) in changes {
            *self.changes.entry((0, format!("{STUCK}{field}").into())).or_default() += change;
        }
    }

    /// Counts an event that goes from one state to another; a new one comes from none, an expired one goes to none.
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

/// Folds what was appended into the counts.
pub(super) async fn sum_up(db: &mut PgConnection) -> Result<(), Failure> {
    if try_lock(db).await? {
        sql(SUM_UP).execute(&mut *db).await?;
        unmapped::sum_up_locked(db).await?;
        audiences::sum_up_locked(db).await?;
    }
    Ok(())
}

/// Whether nobody else sums up until the end of this transaction.
pub(super) async fn try_lock(db: &mut PgConnection) -> Result<bool, Failure> {
    Ok(sql(TRY_LOCK).fetch_optional(db).await?.is_some())
}

/// Makes sure that nobody else sums up until the end of this transaction. Waits for a process that is summing up.
pub(super) async fn lock(db: &mut PgConnection) -> Result<(), Failure> {
    sql(LOCK).execute(db).await?;
    Ok(())
}

/// Folds what was appended into the counts of events alone, where nobody else can be at it.
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
