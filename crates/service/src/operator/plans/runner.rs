//! Runs plans, in whatever process has workers. One process at a time runs a plan, under a lease; another takes over where it
//! ended.

use std::collections::BTreeMap;
use std::time::Duration;

use connections::ConnectionId;
use jiff::Timestamp;
use ledger::plans::{ItemFilter, ItemState, PlanChange};
use ledger::{Act, LedgerError, Plan, PlanId, PlanState};
use tokio::time::Instant;
use uuid::Uuid;

use super::judge;
use super::pace::{Bucket, rates_in_use};
use super::release::Release;
use super::turn::{AT_ONCE, Turn, UNDER_WAY, UnderWay};
use crate::engines::Engines;
use crate::operator::Directory;

/// How long a lease on a plan lasts.
const LEASE: Duration = Duration::from_secs(10);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(2);
/// How often it is looked which plans have expired.
const EXPIRE: Duration = Duration::from_secs(60);
/// How often plans are looked at while one runs, and while none does.
const WHILE_RUNNING: Duration = Duration::from_millis(200);
const WHILE_IDLE: Duration = Duration::from_secs(1);
/// How many times as long as a look took the next one is waited for, and how long at most: less than a pause of an operator
/// may take to be noticed.
const SHARE: u32 = 4;
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The runner of one process.
pub struct Runner {
    holder: Uuid,
    runs: BTreeMap<PlanId, Run>,
    /// When it was last looked which plans have expired.
    expired_at: Option<Instant>,
}

/// A plan that this process runs.
struct Run {
    token: i64,
    renewed_at: Instant,
    bucket: Bucket,
}

impl Runner {
    /// Under a name that nobody else has.
    #[must_use]
    pub fn new(engines: &Engines) -> Self {
        Self { holder: engines.new_id(), runs: BTreeMap::new(), expired_at: None }
    }

    /// Does what is to be done now; how long nothing is to be done after it.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read. What goes wrong with one plan holds up no other.
    pub async fn step(&mut self, engines: &Engines) -> Result<Duration, LedgerError> {
        self.expire(engines).await?;
        let began = Instant::now();
        let plans = engines.plans.plans_at_work(engines.now()).await?;
        self.runs.retain(|id, _| plans.iter().any(|plan| plan.id == *id));
        if plans.is_empty() {
            return Ok(WHILE_IDLE);
        }
        let directory = Directory::read(engines, None).await.map_err(|it| LedgerError::Broken(it.message))?;
        let processes = engines.monitoring.processes().await?;
        let known = (&directory, &rates_in_use(&processes, engines.now()));
        let mut wait = WHILE_IDLE;
        for plan in plans {
            let Some(token) = self.token(engines, plan.id).await? else { continue };
            wait = WHILE_RUNNING;
            if let Err(error) = self.step_of(engines, (&plan, token), known).await {
                self.runs.remove(&plan.id);
                tracing::warn!(plan = plan.id, %error, "a plan rests");
            }
        }
        // A plan with many items under way takes long to look through: most of the time goes to others.
        Ok(wait.max((began.elapsed() * SHARE).min(LONGEST_WAIT)))
    }

    /// Plans that nobody ran in time, and those whose maker was killed, let go of their dead letters.
    async fn expire(&mut self, engines: &Engines) -> Result<(), LedgerError> {
        if self.expired_at.is_some_and(|at| at.elapsed() < EXPIRE) {
            return Ok(());
        }
        let waiting = [PlanState::Planning, PlanState::Ready];
        let now = engines.now();
        for plan in engines.plans.plans(None, &waiting, now, usize::MAX).await? {
            let change = match plan.state {
                PlanState::Expired => PlanChange::to(&[PlanState::Ready], PlanState::Expired),
                PlanState::Planning if plan.expires_at < now => given_up(&plan, now),
                _ => continue,
            };
            engines.plans.change_plan(plan.id, &change).await?;
        }
        self.expired_at = Some(Instant::now());
        Ok(())
    }

    /// The token of the lease, which is renewed now and then; `None` while another process has it.
    async fn token(&mut self, engines: &Engines, plan: PlanId) -> Result<Option<i64>, LedgerError> {
        let run = self.runs.get_mut(&plan);
        if let Some(run) = run.as_ref().filter(|run| run.renewed_at.elapsed() < RENEW) {
            return Ok(Some(run.token));
        }
        let token = engines.plans.lease_plan(plan, self.holder, engines.now(), LEASE).await?;
        match (token, run) {
            // Another process has it: what is known of the run is old.
            (None, _) => drop(self.runs.remove(&plan)),
            (Some(_), Some(run)) => run.renewed_at = Instant::now(),
            (Some(_), None) => {}
        }
        Ok(token)
    }

    async fn step_of(
        &mut self,
        engines: &Engines,
        (plan, token): (&Plan, i64),
        (directory, rates): (&Directory, &BTreeMap<ConnectionId, f64>),
    ) -> Result<(), LedgerError> {
        let release = Release { plan: plan.id, token, directory };
        if self.runs.get(&plan.id).is_none_or(|run| run.token != token) {
            tracing::info!(plan = plan.id, "this process runs the plan");
            recover(engines, &release).await?;
            let now = Instant::now();
            self.runs.insert(plan.id, Run { token, renewed_at: now, bucket: Bucket::new(now) });
        }
        let under_way = judge_all(engines, plan.id, token).await?;
        let now = engines.plans.plans(Some(plan.id), &[], engines.now(), 1).await?.pop();
        let Some(plan) = now.filter(|plan| plan.state == PlanState::Running) else { return Ok(()) };
        let Some(run) = self.runs.get_mut(&plan.id) else { return Ok(()) };
        Turn { engines, plan: &plan, release, rates, under_way }.take(&mut run.bucket).await
    }
}

/// The end of a plan whose maker is silent.
fn given_up(plan: &Plan, now: Timestamp) -> PlanChange {
    tracing::warn!(plan = plan.id, "a plan was not made to its end: it is cancelled");
    let act = Act {
        at: now,
        actor: "worker".to_owned(),
        selector: format!("{} (plan {})", plan.frame.selector, plan.id),
        reason: Some("whoever made it ended before it was ready".to_owned()),
    };
    let change = PlanChange::to(&[PlanState::Planning], PlanState::Cancelled);
    PlanChange { act: Some((act, "plan_cancelled")), ..change }
}

/// Publishes again what a former runner may not have published.
async fn recover(engines: &Engines, release: &Release<'_>) -> Result<(), LedgerError> {
    let state = Some(ItemState::Releasing);
    let filter = ItemFilter { plan: release.plan, state, limit: UNDER_WAY, ..ItemFilter::default() };
    let items = engines.plans.plan_items(&filter).await?;
    if !items.is_empty() {
        tracing::info!(plan = release.plan, items = items.len(), "took over items that were being released");
        release.again(engines, &items).await?;
    }
    Ok(())
}

/// Notes the results that are there; what is still under way.
async fn judge_all(engines: &Engines, plan: PlanId, token: i64) -> Result<UnderWay, LedgerError> {
    let mut under_way = UnderWay::default();
    let state = Some(ItemState::Released);
    let mut filter = ItemFilter { plan, state, limit: AT_ONCE, ..ItemFilter::default() };
    loop {
        let items = engines.plans.plan_items(&filter).await?;
        let Some(last) = items.last() else { return Ok(under_way) };
        filter.after = Some((last.connection, last.person, last.letter));
        let mut changes = Vec::new();
        for item in &items {
            match judge::result(item) {
                Some(change) => changes.push(change),
                None => {
                    under_way.items += 1;
                    *under_way.weights.entry(item.connection).or_default() += u64::from(item.weight);
                }
            }
        }
        if !changes.is_empty() {
            engines.plans.change_plan_items(plan, Some(token), &changes).await?;
        }
    }
}
