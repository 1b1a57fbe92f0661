//! Counts beside what they count, unmapped traits, and the audit.
//!
//! Transactions append what they add to a count; [`sum_up`] folds that into the counts when somebody looks at them, and
//! from time to time. So no row is written by every transaction of every worker.

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlx_postgres::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::text::text;
use super::{sql, weeks};
use crate::changes::MAX_UNMAPPED_TRAITS;
use crate::words::micros;
use crate::{Audit, State, Unmapped};

/// How much of the graphs differs from what Refersion knows.
pub(super) const DIRTY: &str = "dirty";

/// How many persons and identifiers wait.
pub(super) const WAITING: &str = "waiting";

/// How many affiliates have a payout field held back.
pub(super) const HELD_BACK: &str = "held_back";

const CHANGE: &str = "INSERT INTO tally_changes (connection, week, what, change)
    SELECT $1, week, what, change FROM UNNEST($2::bigint[], $3::text[], $4::bigint[]) AS new (week, what, change)";

/// Who comes second has nothing to do: what is left is summed up the next time.
const TRY_LOCK: &str = "SELECT 1 WHERE pg_try_advisory_xact_lock(7203155811922)";

const LOCK: &str = "SELECT pg_advisory_xact_lock(7203155811922)";

const SUM_UP: &str = "WITH gone AS (DELETE FROM tally_changes RETURNING connection, week, what, change)
    INSERT INTO tallies (connection, week, what, count)
    SELECT connection, week, what, SUM(change) FROM gone GROUP BY 1, 2, 3
    ON CONFLICT (connection, week, what) DO UPDATE SET count = tallies.count + excluded.count";

const SAID: &str = "INSERT INTO unmapped_changes (connection, key, spelling, events)
    SELECT $1, key, spelling, events FROM UNNEST($2::text[], $3::text[], $4::bigint[]) AS new (key, spelling, events)";

/// Traits that are counted already go on being counted; of new ones as many as there is room for.
const SUM_UP_SAID: &str = "WITH gone AS (DELETE FROM unmapped_changes RETURNING *),
    said AS (
        SELECT gone.connection, gone.key, MIN(gone.spelling) AS spelling, SUM(gone.events)::bigint AS events,
            MIN(gone.id) AS first, bool_or(known.key IS NOT NULL) AS known
        FROM gone LEFT JOIN unmapped known ON known.connection = gone.connection AND known.key = gone.key
        GROUP BY 1, 2),
    ranked AS (
        SELECT said.*, row_number() OVER (PARTITION BY connection, known ORDER BY first) AS rank,
            (SELECT COUNT(*) FROM unmapped WHERE unmapped.connection = said.connection) AS there
        FROM said)
    INSERT INTO unmapped (connection, key, spelling, events)
    SELECT connection, key, spelling, events FROM ranked WHERE known OR there + rank <= $1
    ON CONFLICT (connection, key) DO UPDATE SET events = unmapped.events + excluded.events";

const AUDIT: &str = "INSERT INTO audit (connection, at, actor, action, subject)
    SELECT $1, at, actor, action, subject
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[]) AS new (at, actor, action, subject)";

/// What one transaction adds to and takes from the counts; appended once, at its end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    changes: BTreeMap<(i64, &'static str), i64>,
}

impl Tally {
    /// Adds to the counts of graphs, or takes from them.
    pub(super) fn graph(&mut self, dirty: i64, waiting: i64) {
        *self.changes.entry((0, DIRTY)).or_default() += dirty;
        *self.changes.entry((0, WAITING)).or_default() += waiting;
    }

    /// Adds to the count of payout fields that are held back, or takes from it.
    pub(super) fn held_back(&mut self, change: i64) {
        *self.changes.entry((0, HELD_BACK)).or_default() += change;
    }

    /// Counts an event that goes from one state to another; a new one comes from none, an expired one goes to none.
    pub(super) fn event(&mut self, event: Uuid, from: Option<State>, to: Option<State>) {
        let week = weeks::week_of(event);
        for (state, change) in [(from, -1), (to, 1)] {
            if let Some(state) = state {
                *self.changes.entry((week, state.word())).or_default() += change;
            }
        }
    }

    /// Appends all changes.
    pub(super) async fn write(self, connection: &mut PgConnection, of: ConnectionId) -> Result<(), Failure> {
        let changes: Vec<_> = self.changes.into_iter().filter(|(_, change)| *change != 0).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let weeks: Vec<i64> = changes.iter().map(|((week, _), _)| *week).collect();
        let whats: Vec<&str> = changes.iter().map(|((_, what), _)| *what).collect();
        let amounts: Vec<i64> = changes.iter().map(|(_, change)| *change).collect();
        sql(CHANGE).bind(of).bind(weeks).bind(whats).bind(amounts).execute(connection).await?;
        Ok(())
    }
}

/// Folds what was appended into the counts.
pub(super) async fn sum_up(connection: &mut PgConnection) -> Result<(), Failure> {
    if sql(TRY_LOCK).fetch_optional(&mut *connection).await?.is_some() {
        sql(SUM_UP).execute(&mut *connection).await?;
        sql(SUM_UP_SAID).bind(i64::from(MAX_UNMAPPED_TRAITS)).execute(connection).await?;
    }
    Ok(())
}

/// The same for counts alone, waiting for whoever is at it.
pub(super) async fn sum_up_counts(connection: &mut PgConnection) -> Result<(), Failure> {
    sql(LOCK).execute(&mut *connection).await?;
    sql(SUM_UP).execute(connection).await?;
    Ok(())
}

/// Appends traits that no setting maps.
pub(super) async fn said(
    connection: &mut PgConnection,
    of: ConnectionId,
    unmapped: &[Unmapped],
) -> Result<(), Failure> {
    if unmapped.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = unmapped.iter().map(|it| text(&it.key)).collect();
    let spellings: Vec<_> = unmapped.iter().map(|it| text(&it.spelling)).collect();
    let events: Vec<i64> = unmapped.iter().map(|it| i64::try_from(it.events).unwrap_or(i64::MAX)).collect();
    sql(SAID).bind(of).bind(keys).bind(spellings).bind(events).execute(connection).await?;
    Ok(())
}

/// Writes lines of the audit.
pub(super) async fn audit(
    connection: &mut PgConnection,
    of: ConnectionId,
    lines: &[Audit],
) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let at: Vec<i64> = lines.iter().map(|line| micros(line.at)).collect();
    let actors: Vec<_> = lines.iter().map(|line| text(&line.actor)).collect();
    let actions: Vec<_> = lines.iter().map(|line| text(&line.action)).collect();
    let subjects: Vec<_> = lines.iter().map(|line| text(&line.subject)).collect();
    sql(AUDIT).bind(of).bind(at).bind(actors).bind(actions).bind(subjects).execute(connection).await?;
    Ok(())
}
