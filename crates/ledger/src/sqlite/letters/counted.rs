//! Counts dead letters by the counters of their groups, so that only one dead letter of each group is read.

use std::collections::BTreeMap;

use sqlite::rusqlite::{Connection, params};

use super::super::failure::Failure;
use super::super::rows::all;
use super::super::words::count;
use super::select::{json, words};
use crate::DeadLetterFilter;

/// All dead letters of a group have the same class, status, field and mender, so its oldest one in a state supplies them. Dead letters that
/// are not classified yet are in no group, and are read.
const COUNTED: &str = "WITH counted AS MATERIALIZED (
        SELECT connection, group_key, what, SUM(count) AS letters FROM letter_counts
        WHERE what <> 'people' AND group_key <> ''
            AND (?1 IS NULL OR connection IN (SELECT value FROM json_each(?1)))
            AND (?2 IS NULL OR what IN (SELECT value FROM json_each(?2)))
            AND (?6 IS NULL OR group_key IN (SELECT value FROM json_each(?6)))
        GROUP BY 1, 2, 3),
    letters AS (
        SELECT d.class, d.http_status, d.field, d.mender, c.letters FROM counted c JOIN dead_letters d ON d.id = (
            SELECT n.id FROM dead_letters n
            WHERE n.group_key = c.group_key AND n.connection = c.connection AND n.state = c.what
            ORDER BY n.died_at LIMIT 1)
        UNION ALL
        SELECT class, http_status, field, mender, 1 FROM dead_letters
        WHERE group_key = '' AND (?1 IS NULL OR connection IN (SELECT value FROM json_each(?1)))
            AND (?2 IS NULL OR state IN (SELECT value FROM json_each(?2)))
            AND (?6 IS NULL OR group_key IN (SELECT value FROM json_each(?6))))
    SELECT class, SUM(letters) FROM letters
    WHERE (?3 IS NULL OR class IN (SELECT value FROM json_each(?3)))
        AND (?4 IS NULL OR http_status IN (SELECT value FROM json_each(?4)))
        AND (?5 IS NULL OR field IN (SELECT value FROM json_each(?5)))
        AND (?7 IS NULL OR mender IN (SELECT value FROM json_each(?7)))
    GROUP BY class";

/// The number of matching dead letters of each class, for a filter that needs only groups.
pub(in super::super) fn by_class(
    database: &Connection,
    filter: &DeadLetterFilter,
) -> Result<BTreeMap<String, u64>, Failure> {
    let values = params![
        json(filter.connections.as_ref())?,
        json(words(filter).as_ref())?,
        json(filter.classes.as_ref())?,
        json(filter.http_statuses.as_ref())?,
        json(filter.fields.as_ref())?,
        json(filter.groups.as_ref())?,
        json(filter.menders.as_ref())?,
    ];
    all(database, COUNTED, values, |row| Ok((row.get(0)?, count(row.get(1)?))))
}
