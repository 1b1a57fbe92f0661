//! Plans of replays; [`items`] has their dead letters.

mod items;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row, Rows};
use uuid::Uuid;

use super::failure::Failure;
use super::words::{count, item_state, limit, micros, plan_state, time};
use super::{SqliteLedger, audit, letters};
use crate::plans::{
    AT_WORK, Candidate, Frame, ItemChange, ItemCount, ItemFilter, Marked, NewItem, PlanChange, PlanItem,
    plans,
};
use crate::{Act, DeadLetterFilter, LONGEST_LEASE, LedgerError, Plan, PlanFilter, PlanId, PlanItems, Plans};

const CREATE: &str = "INSERT INTO plans (state, created_at, expires_at, frame, options, progress)
    VALUES ('planning', ?1, ?2, ?3, '{}', '{}')";

const READ: &str = plans!(
    "WHERE id BETWEEN ?1 AND ?2 AND (?3 = '[]' OR state IN (SELECT value FROM json_each(?3)))
        AND (?4 IS NULL OR json_extract(progress, '$.ended_at') >= ?4)
    ORDER BY id DESC LIMIT ?5"
);

const COUNTS: &str = "SELECT state, reason, count FROM plan_counts WHERE plan = ?1 AND count <> 0";

const CHANGE: &str =
    "UPDATE plans SET state = ?2, frame = COALESCE(?3, frame), options = COALESCE(?4, options),
        progress = COALESCE(?5, progress), expires_at = COALESCE(?8, expires_at)
    WHERE id = ?1 AND state IN (SELECT value FROM json_each(?6)) AND (?7 IS NULL OR token = ?7)
    RETURNING frame";

const GO_ON: &str = "UPDATE plans SET expires_at = ?2 WHERE id = ?1 AND state = 'planning'";

const HELD: &str = "SELECT holder, token, lease_until FROM plans WHERE id = ?1";

const LEASE: &str = "UPDATE plans SET holder = ?2, token = ?3, lease_until = ?4 WHERE id = ?1";

const NEWEST_TOKEN: &str = "SELECT token FROM plans WHERE id = ?1";

const OLD: &str = "SELECT id FROM plans
    WHERE state IN ('cancelled', 'done', 'expired') AND created_at < ?1 ORDER BY id LIMIT 1";

/// The rows of a plan that are deleted page by page, so that no transaction is long.
const FORGET: [&str; 3] = [
    "DELETE FROM plan_items WHERE plan = ?1 AND letter IN (SELECT letter FROM plan_items WHERE plan = ?1 LIMIT ?2)",
    "DELETE FROM plan_holds WHERE plan = ?1 AND letter IN (SELECT letter FROM plan_holds WHERE plan = ?1 LIMIT ?2)",
    "DELETE FROM plan_counts WHERE plan = ?1 AND ?2 > 0",
];

const FORGET_PLAN: &str = "DELETE FROM plans WHERE id = ?1";

#[async_trait]
impl PlanItems for SqliteLedger {
    async fn plan_candidates(&self, filter: &DeadLetterFilter) -> Result<Vec<Candidate>, LedgerError> {
        let filter = filter.clone();
        self.read(move |database| letters::candidates(database, &filter)).await
    }

    async fn add_plan_items(
        &self,
        plan: PlanId,
        items: &[NewItem],
        expires_at: Timestamp,
    ) -> Result<Vec<(i64, PlanId)>, LedgerError> {
        let items = items.to_vec();
        self.write(move |database| {
            go_on(database, plan, expires_at)?;
            items::add(database, plan, &items)
        })
        .await
    }

    async fn mark_plan_items(
        &self,
        plan: PlanId,
        items: &[NewItem],
        act: &Act,
        expires_at: Timestamp,
    ) -> Result<Marked, LedgerError> {
        let (items, act) = (items.to_vec(), act.clone());
        self.write(move |database| {
            go_on(database, plan, expires_at)?;
            items::mark(database, plan, &items, &act)
        })
        .await
    }

    async fn plan_items(&self, filter: &ItemFilter) -> Result<Vec<PlanItem>, LedgerError> {
        let filter = filter.clone();
        self.read(move |database| items::read(database, &filter)).await
    }

    async fn change_plan_items(
        &self,
        plan: PlanId,
        token: Option<i64>,
        changes: &[ItemChange],
    ) -> Result<(), LedgerError> {
        let changes = changes.to_vec();
        self.write(move |database| {
            check(database, plan, token)?;
            items::change(database, plan, &changes)
        })
        .await
    }
}

#[async_trait]
impl Plans for SqliteLedger {
    async fn create_plan(
        &self,
        frame: &Frame,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<PlanId, LedgerError> {
        let frame = frame.clone();
        self.write(move |database| {
            let values = (micros(now), micros(expires_at), serde_json::to_string(&frame)?);
            Ok(database.prepare_cached(CREATE)?.insert(values)?)
        })
        .await
    }

    async fn plans(&self, filter: &PlanFilter, now: Timestamp) -> Result<Vec<Plan>, LedgerError> {
        let filter = filter.clone();
        self.read(move |database| read(database, &filter, now)).await
    }

    async fn plans_at_work(&self, now: Timestamp) -> Result<Vec<Plan>, LedgerError> {
        self.read(move |database| {
            let mut statement = database.prepare_cached(AT_WORK)?;
            seen_at(database, statement.query([])?, now)
        })
        .await
    }

    async fn change_plan(&self, plan: PlanId, change: &PlanChange) -> Result<bool, LedgerError> {
        let change = change.clone();
        self.write(move |database| write(database, plan, &change)).await
    }

    async fn lease_plan(
        &self,
        plan: PlanId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<i64>, LedgerError> {
        self.write(move |database| lease(database, plan, holder, (now, lasts))).await
    }
}

fn read(database: &Connection, filter: &PlanFilter, now: Timestamp) -> Result<Vec<Plan>, Failure> {
    let words: Vec<&str> = filter.states.iter().map(|state| state.word()).collect();
    let mut statement = database.prepare_cached(READ)?;
    let words = serde_json::to_string(&words)?;
    let (first, last) = filter.ids();
    let values = (first, last, words, filter.ended_since_text(), limit(filter.limit));
    seen_at(database, statement.query(values)?, now)
}

/// Plans with their counts, as they are at a time.
fn seen_at(database: &Connection, mut rows: Rows<'_>, now: Timestamp) -> Result<Vec<Plan>, Failure> {
    let mut plans = Vec::new();
    while let Some(row) = rows.next()? {
        let mut plan = plan(row)?;
        plan.counts = counts(database, plan.id)?;
        plans.push(plan.seen_at(now));
    }
    Ok(plans)
}

fn plan(row: &Row<'_>) -> Result<Plan, Failure> {
    Ok(Plan {
        id: row.get(0)?,
        state: plan_state(&row.get::<_, String>(1)?)?,
        created_at: time(row.get(2)?)?,
        expires_at: time(row.get(3)?)?,
        frame: serde_json::from_str(&row.get::<_, String>(4)?)?,
        options: serde_json::from_str(&row.get::<_, String>(5)?)?,
        progress: serde_json::from_str(&row.get::<_, String>(6)?)?,
        counts: Vec::new(),
        repeated_calls: count(row.get(7)?),
    })
}

fn counts(database: &Connection, plan: PlanId) -> Result<Vec<ItemCount>, Failure> {
    let mut statement = database.prepare_cached(COUNTS)?;
    let mut rows = statement.query([plan])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let state = item_state(&row.get::<_, String>(0)?)?;
        counts.push(ItemCount { state, reason: row.get(1)?, count: count(row.get(2)?) });
    }
    Ok(counts)
}

fn write(database: &Connection, plan: PlanId, change: &PlanChange) -> Result<bool, Failure> {
    let from: Vec<&str> = change.from.iter().map(|state| state.word()).collect();
    let values = (
        plan,
        change.to.word(),
        change.frame.as_ref().map(serde_json::to_string).transpose()?,
        change.options.as_ref().map(serde_json::to_string).transpose()?,
        change.progress.as_ref().map(serde_json::to_string).transpose()?,
        serde_json::to_string(&from)?,
        change.token,
        change.expires_at.map(micros),
    );
    let frame: Option<String> =
        database.prepare_cached(CHANGE)?.query_row(values, |row| row.get(0)).optional()?;
    let Some(frame) = frame else { return Ok(false) };
    let frame: Frame = serde_json::from_str(&frame)?;
    audit::append(database, &change.lines(&frame))?;
    Ok(true)
}

/// Fails the transaction unless the plan is still being made, and extends the time for that.
fn go_on(database: &Connection, plan: PlanId, expires_at: Timestamp) -> Result<(), Failure> {
    let renewed = database.prepare_cached(GO_ON)?.execute((plan, micros(expires_at)))?;
    if renewed == 1 { Ok(()) } else { Err(Failure::Fenced) }
}

fn lease(
    database: &Connection,
    plan: PlanId,
    holder: Uuid,
    (now, lasts): (Timestamp, Duration),
) -> Result<Option<i64>, Failure> {
    let latest = now.saturating_add(lasts * LONGEST_LEASE).unwrap_or(Timestamp::MAX);
    let held = database.prepare_cached(HELD)?.query_row([plan], |row| {
        Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    let token = match held.optional()? {
        None => return Ok(None),
        Some((Some(other), token, _)) if other == holder.as_bytes() => token,
        Some((Some(_), _, until)) if (micros(now) + 1..=micros(latest)).contains(&until) => return Ok(None),
        Some((_, token, _)) => token + 1,
    };
    let until = now.saturating_add(lasts).map_err(|error| Failure::Broken(error.to_string()))?;
    database.prepare_cached(LEASE)?.execute((plan, holder.as_bytes(), token, micros(until)))?;
    Ok(Some(token))
}

/// Fails the transaction unless the token is the newest.
fn check(database: &Connection, plan: PlanId, token: Option<i64>) -> Result<(), Failure> {
    let Some(token) = token else { return Ok(()) };
    let newest: Option<i64> =
        database.prepare_cached(NEWEST_TOKEN)?.query_row([plan], |row| row.get(0)).optional()?;
    if newest == Some(token) { Ok(()) } else { Err(Failure::Fenced) }
}

/// Deletes the oldest finished plans that were made before a time, about `rows` rows of them. Returns the number of deleted rows.
pub(super) fn expire(database: &Connection, before: Timestamp, rows: usize) -> Result<usize, Failure> {
    let mut dropped = 0;
    while dropped < rows {
        let old: Option<PlanId> =
            database.prepare_cached(OLD)?.query_row([micros(before)], |row| row.get(0)).optional()?;
        let Some(plan) = old else { break };
        let mut items = 0;
        for statement in FORGET {
            items = items.max(database.prepare_cached(statement)?.execute((plan, limit(rows)))?);
        }
        if items < rows {
            database.prepare_cached(FORGET_PLAN)?.execute([plan])?;
        }
        // A plan without items counts too, so that the transaction stays short.
        dropped += items.max(1);
    }
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use super::super::steps::{assert_as_cheap, ledger, steps};
    use super::*;

    #[test]
    fn an_old_plan_and_the_last_page_of_plans_are_as_cheap_as_the_newest() {
        let database = ledger();
        let page = |after, limit| {
            let filter = PlanFilter { after, limit, ..PlanFilter::default() };
            steps(&database, READ, |database| {
                assert_eq!(read(database, &filter, Timestamp::UNIX_EPOCH).expect("read").len(), limit);
            })
        };
        assert_as_cheap(page(Some(25), 20), page(None, 20));
        let one = steps(&database, READ, |database| {
            assert_eq!(read(database, &PlanFilter::one(1), Timestamp::UNIX_EPOCH).expect("read").len(), 1);
        });
        assert_as_cheap(one, page(None, 1));
    }
}
