//! Plans of replays; [`items`] has their dead letters.

mod items;
mod removal;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::{PostgresLedger, audit, letters, rows, sql};
use crate::plans::{
    AT_WORK, Candidate, Frame, ItemChange, ItemCount, ItemFilter, Marked, NewItem, PlanChange, PlanItem,
    plans,
};
use crate::words::{count, item_state, limit, micros, plan_state, time};
use crate::{Act, DeadLetterFilter, LONGEST_LEASE, LedgerError, Plan, PlanFilter, PlanId, PlanItems, Plans};

pub(super) use removal::remove_items;

const CREATE: &str = "INSERT INTO plans (state, created_at, expires_at, frame, options, progress)
    VALUES ('planning', $1, $2, $3, '{}', '{}') RETURNING id";

const READ: &str = plans!(
    "WHERE id BETWEEN $1 AND $2 AND ($3::text[] = '{}' OR state = ANY($3))
        AND ($4::text IS NULL OR progress::json ->> 'ended_at' COLLATE \"C\" >= $4)
    ORDER BY id DESC LIMIT $5"
);

const COUNTS: &str = "SELECT plan, state, reason, count FROM plan_counts WHERE plan = ANY($1) AND count <> 0 ORDER BY state, reason";

const CHANGE: &str =
    "UPDATE plans SET state = $2, frame = COALESCE($3, frame), options = COALESCE($4, options),
        progress = COALESCE($5, progress), expires_at = COALESCE($8, expires_at)
    WHERE id = $1 AND state = ANY($6) AND ($7::bigint IS NULL OR token = $7)
    RETURNING frame";

/// The last statement of a page: an operator cancels the plan before the page or after it, and a worker that has locked one of its
/// dead letters may change the plan as well.
const GO_ON: &str = "UPDATE plans SET expires_at = $2 WHERE id = $1 AND state = 'planning'";

/// One statement, so that two processes at the same time run one after the other.
const LEASE: &str = "UPDATE plans SET token = token + CASE WHEN holder = $2 THEN 0 ELSE 1 END,
        holder = $2, lease_until = $4
    WHERE id = $1 AND (holder IS NULL OR holder = $2 OR lease_until <= $3 OR lease_until > $5)
    RETURNING token";

/// The lock keeps the lease from changing hands until what is written under it is committed.
const NEWEST_TOKEN: &str = "SELECT token FROM plans WHERE id = $1 FOR SHARE";

const OLD: &str = "SELECT id FROM plans
    WHERE state IN ('cancelled', 'done', 'expired') AND created_at < $1 ORDER BY id LIMIT 1";

/// The rows of a removed plan, which are deleted in pages so that no transaction is long.
const FORGET: [&str; 3] = [
    "DELETE FROM plan_items WHERE plan = $1 AND letter IN (SELECT letter FROM plan_items WHERE plan = $1 LIMIT $2)",
    "DELETE FROM plan_holds WHERE plan = $1 AND letter IN (SELECT letter FROM plan_holds WHERE plan = $1 LIMIT $2)",
    "DELETE FROM plan_counts WHERE plan = $1 AND $2 > 0",
];

const FORGET_PLAN: &str = "DELETE FROM plans WHERE id = $1";

type Stored = (PlanId, String, i64, i64, String, String, String, i64);

#[async_trait]
impl PlanItems for PostgresLedger {
    async fn plan_candidates(&self, filter: &DeadLetterFilter) -> Result<Vec<Candidate>, LedgerError> {
        Ok(on!(self.begin(), |db| letters::candidates(db, filter))?)
    }

    async fn add_plan_items(
        &self,
        plan: PlanId,
        items: &[NewItem],
        expires_at: Timestamp,
    ) -> Result<Vec<(i64, PlanId)>, LedgerError> {
        Ok(on!(self.begin(), |db| async {
            let reserved = items::add(db, plan, items).await?;
            go_on(db, plan, expires_at).await?;
            Ok(reserved)
        })?)
    }

    async fn mark_plan_items(
        &self,
        plan: PlanId,
        items: &[NewItem],
        act: &Act,
        expires_at: Timestamp,
    ) -> Result<Marked, LedgerError> {
        Ok(on!(self.begin(), |db| async {
            let marked = items::mark(db, plan, items, act).await?;
            go_on(db, plan, expires_at).await?;
            Ok(marked)
        })?)
    }

    async fn plan_items(&self, filter: &ItemFilter) -> Result<Vec<PlanItem>, LedgerError> {
        Ok(on!(self.read(), |db| items::read(db, filter))?)
    }

    async fn change_plan_items(
        &self,
        plan: PlanId,
        token: Option<i64>,
        changes: &[ItemChange],
    ) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| async {
            check(db, plan, token).await?;
            items::change(db, plan, changes).await
        })?)
    }
}

#[async_trait]
impl Plans for PostgresLedger {
    async fn create_plan(
        &self,
        frame: &Frame,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<PlanId, LedgerError> {
        Ok(on!(self.read(), |db| async {
            let frame = serde_json::to_string(frame)?;
            let create = rows(CREATE).bind(micros(now)).bind(micros(expires_at)).bind(frame);
            let (id,): (PlanId,) = create.fetch_one(db).await?;
            Ok(id)
        })?)
    }

    async fn plans(&self, filter: &PlanFilter, now: Timestamp) -> Result<Vec<Plan>, LedgerError> {
        Ok(on!(self.read(), |db| read(db, filter, now))?)
    }

    async fn plans_at_work(&self, now: Timestamp) -> Result<Vec<Plan>, LedgerError> {
        Ok(on!(self.read(), |db| async {
            let stored = rows(AT_WORK).fetch_all(&mut *db).await?;
            seen_at(db, stored, now).await
        })?)
    }

    async fn change_plan(&self, plan: PlanId, change: &PlanChange) -> Result<bool, LedgerError> {
        Ok(on!(self.begin(), |db| write(db, plan, change))?)
    }

    async fn lease_plan(
        &self,
        plan: PlanId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<i64>, LedgerError> {
        Ok(on!(self.read(), |db| lease(db, plan, holder, (now, lasts)))?)
    }
}

async fn read(db: &mut PgConnection, filter: &PlanFilter, now: Timestamp) -> Result<Vec<Plan>, Failure> {
    let words: Vec<&'static str> = filter.states.iter().map(|state| state.word()).collect();
    let (first, last) = filter.ids();
    let read = rows(READ).bind(first).bind(last).bind(words).bind(filter.ended_since_text());
    let stored = read.bind(limit(filter.limit)).fetch_all(&mut *db).await?;
    seen_at(db, stored, now).await
}

/// Plans with their counts, as they are at a time.
async fn seen_at(db: &mut PgConnection, stored: Vec<Stored>, now: Timestamp) -> Result<Vec<Plan>, Failure> {
    let ids: Vec<PlanId> = stored.iter().map(|(id, ..)| *id).collect();
    let counts: Vec<(PlanId, String, String, i64)> = rows(COUNTS).bind(&ids).fetch_all(db).await?;
    let mut by_plan: BTreeMap<PlanId, Vec<ItemCount>> = BTreeMap::new();
    for (plan, state, reason, number) in counts {
        let counted = ItemCount { state: item_state(&state)?, reason, count: count(number) };
        by_plan.entry(plan).or_default().push(counted);
    }
    stored.into_iter().map(|stored| Ok(plan(stored, &mut by_plan)?.seen_at(now))).collect()
}

fn plan(stored: Stored, counts: &mut BTreeMap<PlanId, Vec<ItemCount>>) -> Result<Plan, Failure> {
    let (id, state, created_at, expires_at, frame, options, progress, repeated) = stored;
    Ok(Plan {
        id,
        state: plan_state(&state)?,
        created_at: time(created_at)?,
        expires_at: time(expires_at)?,
        frame: serde_json::from_str(&frame)?,
        options: serde_json::from_str(&options)?,
        progress: serde_json::from_str(&progress)?,
        counts: counts.remove(&id).unwrap_or_default(),
        repeated_calls: count(repeated),
    })
}

async fn write(db: &mut PgConnection, plan: PlanId, change: &PlanChange) -> Result<bool, Failure> {
    let from: Vec<&'static str> = change.from.iter().map(|state| state.word()).collect();
    let query = rows(CHANGE).bind(plan).bind(change.to.word());
    let query = query.bind(change.frame.as_ref().map(serde_json::to_string).transpose()?);
    let query = query.bind(change.options.as_ref().map(serde_json::to_string).transpose()?);
    let query = query.bind(change.progress.as_ref().map(serde_json::to_string).transpose()?);
    let query = query.bind(from).bind(change.token).bind(change.expires_at.map(micros));
    let changed: Option<(String,)> = query.fetch_optional(&mut *db).await?;
    let Some((frame,)) = changed else { return Ok(false) };
    let frame: Frame = serde_json::from_str(&frame)?;
    audit::append(db, &change.lines(&frame)).await?;
    Ok(true)
}

/// Stops the transaction unless the plan is still being made, which it may be until a later time from now on.
async fn go_on(db: &mut PgConnection, plan: PlanId, expires_at: Timestamp) -> Result<(), Failure> {
    let renewed = sql(GO_ON).bind(plan).bind(micros(expires_at)).execute(db).await?;
    if renewed.rows_affected() == 1 { Ok(()) } else { Err(Failure::Fenced) }
}

async fn lease(
    db: &mut PgConnection,
    plan: PlanId,
    holder: Uuid,
    (now, lasts): (Timestamp, Duration),
) -> Result<Option<i64>, Failure> {
    let until = now.saturating_add(lasts).map_err(|error| Failure::Broken(error.to_string()))?;
    let latest = now.saturating_add(lasts * LONGEST_LEASE).unwrap_or(Timestamp::MAX);
    let query = rows(LEASE).bind(plan).bind(holder).bind(micros(now)).bind(micros(until));
    let taken: Option<(i64,)> = query.bind(micros(latest)).fetch_optional(db).await?;
    Ok(taken.map(|(token,)| token))
}

/// Stops the transaction unless the token is the newest.
async fn check(db: &mut PgConnection, plan: PlanId, token: Option<i64>) -> Result<(), Failure> {
    let Some(token) = token else { return Ok(()) };
    let newest: Option<(i64,)> = rows(NEWEST_TOKEN).bind(plan).fetch_optional(db).await?;
    if newest == Some((token,)) { Ok(()) } else { Err(Failure::Fenced) }
}

/// Deletes the oldest finished plans that were made before a time, about `most` rows of them. Returns the number of deleted rows.
pub(super) async fn expire(db: &mut PgConnection, before: Timestamp, most: usize) -> Result<usize, Failure> {
    let mut dropped = 0;
    while dropped < most {
        let old: Option<(PlanId,)> = rows(OLD).bind(micros(before)).fetch_optional(&mut *db).await?;
        let Some((plan,)) = old else { break };
        let mut items = 0;
        for statement in FORGET {
            let rows = sql(statement).bind(plan).bind(limit(most)).execute(&mut *db).await?.rows_affected();
            items = items.max(usize::try_from(rows).unwrap_or(usize::MAX));
        }
        if items < most {
            sql(FORGET_PLAN).bind(plan).execute(&mut *db).await?;
        }
        // A plan without items counts too, so that the transaction stays short.
        dropped += items.max(1);
    }
    Ok(dropped)
}
