//! Removes the dead letters of a removed connection from plans.

use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlx::PgConnection;

use super::super::failure::Failure;
use super::super::{rows, sql};
use super::items::Counts;
use crate::PlanId;
use crate::words::limit;

/// Selects by plan and state, because no index begins with the connection. `BETWEEN` and the order name the index to use: by the primary
/// key, each page would pass over the rest of the plan. For the same reason the items are deleted by their places; they are locked, so
/// they stay there. Items that a running plan has locked are left for a later page, so that two transactions never wait for each other.
const DROP_ITEMS: &str = "WITH item AS MATERIALIZED (
        SELECT item.place FROM (SELECT DISTINCT plan, state FROM plan_counts) AS counted
        CROSS JOIN LATERAL (
            SELECT ctid AS place FROM plan_items
            WHERE plan = counted.plan AND state = counted.state AND connection BETWEEN $1 AND $1
            ORDER BY connection, person, letter LIMIT $2 FOR UPDATE SKIP LOCKED) AS item
        LIMIT $2)
    DELETE FROM plan_items WHERE ctid = ANY(ARRAY(SELECT place FROM item)) RETURNING plan, letter, state, reason";

const HAS_ITEMS: &str =
    "SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT plan, state FROM plan_counts) AS counted
    CROSS JOIN LATERAL (
        SELECT 1 FROM plan_items
        WHERE plan = counted.plan AND state = counted.state AND connection BETWEEN $1 AND $1
        ORDER BY connection, person, letter LIMIT 1) AS item)";

const DROP_HOLDS: &str = "DELETE FROM plan_holds WHERE letter = ANY(ARRAY(
    SELECT letter FROM UNNEST($1::bigint[]) AS gone (letter) ORDER BY letter))";

/// Removes a page of plan items, and updates the counts of their plans. Returns whether there are items left to look for.
pub(in crate::postgres) async fn remove_items(
    db: &mut PgConnection,
    connection: ConnectionId,
    most: usize,
) -> Result<bool, Failure> {
    let items: Vec<(PlanId, i64, String, String)> =
        rows(DROP_ITEMS).bind(connection).bind(limit(most)).fetch_all(&mut *db).await?;
    if items.is_empty() {
        let (left,): (bool,) = rows(HAS_ITEMS).bind(connection).fetch_one(db).await?;
        return Ok(left);
    }
    let letters: Vec<i64> = items.iter().map(|(_, letter, ..)| *letter).collect();
    sql(DROP_HOLDS).bind(letters).execute(&mut *db).await?;
    let mut by_plan: BTreeMap<PlanId, Counts> = BTreeMap::new();
    for (plan, _, state, reason) in &items {
        by_plan.entry(*plan).or_default().add(state, reason, -1);
    }
    for (plan, counts) in by_plan {
        counts.write(db, plan).await?;
    }
    Ok(true)
}
