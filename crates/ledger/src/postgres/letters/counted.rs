//! Counts dead letters by the counters of their groups, so that only one dead letter of each group is read.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::super::failure::Failure;
use super::super::rows;
use super::select::{menders, states, statuses, texts};
use crate::DeadLetterFilter;
use crate::words::count;

/// All dead letters of a group have the same class, status, field and mender, so its oldest one in a state supplies them. Dead letters that
/// are not classified yet are in no group, and are read.
const COUNTED: &str = "WITH counted AS (
        SELECT connection, group_key, what, SUM(count)::bigint AS letters FROM (
            SELECT connection, group_key, what, count FROM letter_counts
            UNION ALL SELECT connection, group_key, what, change FROM letter_count_changes) AS counts
        WHERE what <> 'people' AND group_key <> '' AND ($1::bigint[] IS NULL OR connection = ANY($1))
            AND ($2::text[] IS NULL OR what = ANY($2)) AND ($6::text[] IS NULL OR group_key = ANY($6))
        GROUP BY 1, 2, 3 HAVING SUM(count) > 0),
    letters AS (
        SELECT d.class, d.http_status, d.field, d.mender, c.letters FROM counted c
        CROSS JOIN LATERAL (SELECT class, http_status, field, mender FROM dead_letters n
            WHERE n.group_key = c.group_key AND n.connection = c.connection AND n.state = c.what
            ORDER BY n.died_at LIMIT 1) AS d
        UNION ALL
        SELECT class, http_status, field, mender, 1 FROM dead_letters
        WHERE group_key = '' AND ($1::bigint[] IS NULL OR connection = ANY($1))
            AND ($2::text[] IS NULL OR state = ANY($2)) AND ($6::text[] IS NULL OR group_key = ANY($6)))
    SELECT class, SUM(letters)::bigint FROM letters
    WHERE ($3::text[] IS NULL OR class = ANY($3)) AND ($4::integer[] IS NULL OR http_status = ANY($4))
        AND ($5::text[] IS NULL OR field = ANY($5)) AND ($7::text[] IS NULL OR mender = ANY($7))
    GROUP BY class";

/// The number of matching dead letters of each class, for a filter that needs only groups.
pub(in super::super) async fn by_class(
    db: &mut PgConnection,
    filter: &DeadLetterFilter,
) -> Result<BTreeMap<String, u64>, Failure> {
    let counted = rows(COUNTED).bind(filter.connections.clone()).bind(states(filter));
    let counted = counted.bind(texts(filter.classes.as_ref())).bind(statuses(filter));
    let counted = counted.bind(texts(filter.fields.as_ref())).bind(texts(filter.groups.as_ref()));
    let found: Vec<(String, i64)> = counted.bind(menders(filter)).fetch_all(db).await?;
    Ok(found.into_iter().map(|(class, letters)| (class, count(letters))).collect())
}
