//! Counts of unmapped traits: the number of events that stated each name.
//!
//! As with other counts, transactions append rows, which are summed up from time to time, so that no transaction waits for another.

use connections::ConnectionId;
use sqlx::PgConnection;

use super::failure::Failure;
use super::sql;
use super::text::text;
use crate::Unmapped;
use crate::unmapped::{BLOCKED, LIKE_IDS, MAX_UNMAPPED_TRAITS, MORE, SHARED, UNMATCHED};

/// The number of rows that one process appends before it sums them up, so that the table stays small.
pub(super) const SUM_UP_AFTER: usize = 10_000;

/// Maximum number of rows that are summed up in one transaction.
const AT_ONCE: i64 = 20_000;

const APPEND: &str = "INSERT INTO unmapped_changes (connection, key, spelling, events)
    SELECT $1, key, spelling, events FROM UNNEST($2::text[], $3::text[], $4::bigint[]) AS new (key, spelling, events)";

/// Names that are counted already continue to be counted, and new ones up to the limit. The others are counted under
/// one word.
const SUM_UP: &str = "WITH gone AS (
        DELETE FROM unmapped_changes WHERE ctid = ANY (ARRAY(SELECT ctid FROM unmapped_changes LIMIT $2))
        RETURNING *),
    said AS MATERIALIZED (
        SELECT gone.connection, gone.key, MIN(gone.spelling) AS spelling, SUM(gone.events)::bigint AS events,
            MIN(gone.id) AS first, bool_or(known.key IS NOT NULL OR gone.key IN ($3, $4, $5) OR gone.key LIKE $6 || '%'
                OR gone.key LIKE $7 || '%') AS known
        FROM gone LEFT JOIN unmapped known ON known.connection = gone.connection AND known.key = gone.key
        GROUP BY 1, 2),
    there AS MATERIALIZED (
        SELECT connection, COUNT(*) AS names FROM unmapped
        WHERE connection IN (SELECT connection FROM said) GROUP BY connection),
    ranked AS MATERIALIZED (
        SELECT said.*, COALESCE(there.names, 0)
            + row_number() OVER (PARTITION BY said.connection, known ORDER BY first) AS place
        FROM said LEFT JOIN there ON there.connection = said.connection),
    counted AS (
        SELECT connection, key, spelling, events FROM ranked WHERE known OR place <= $1
        UNION ALL
        SELECT connection, $4, $4, MAX(events) FROM ranked WHERE NOT known AND place > $1 GROUP BY connection)
    INSERT INTO unmapped (connection, key, spelling, events)
    SELECT connection, key, MIN(spelling), SUM(events)::bigint FROM counted GROUP BY connection, key
    ON CONFLICT (connection, key) DO UPDATE SET events = unmapped.events + excluded.events";

/// Appends names.
pub(super) async fn append(
    db: &mut PgConnection,
    connection: ConnectionId,
    unmapped: &[Unmapped],
) -> Result<(), Failure> {
    if unmapped.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = unmapped.iter().map(|it| text(&it.key)).collect();
    let spellings: Vec<_> = unmapped.iter().map(|it| text(&it.spelling)).collect();
    let events: Vec<i64> = unmapped.iter().map(|it| i64::try_from(it.events).unwrap_or(i64::MAX)).collect();
    sql(APPEND).bind(connection).bind(keys).bind(spellings).bind(events).execute(db).await?;
    Ok(())
}

/// Sums up the appended rows. The caller holds the lock.
pub(super) async fn sum_up_locked(db: &mut PgConnection) -> Result<(), Failure> {
    let sum_up = sql(SUM_UP).bind(i64::from(MAX_UNMAPPED_TRAITS)).bind(AT_ONCE).bind(LIKE_IDS).bind(MORE);
    sum_up.bind(UNMATCHED).bind(BLOCKED).bind(SHARED).execute(db).await?;
    Ok(())
}
