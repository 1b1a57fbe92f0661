//! Runs plans, in whatever process has workers. One process at a time runs a plan, under a lease; another takes over where it
//! ended.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::plans::{ItemFilter, ItemState, PlanChange};
use ledger::{LedgerError, Plan, PlanId, PlanState};
use queue::Lane;
use tokio::time::Instant;
use uuid::Uuid;

use super::judge;
use super::pace::Bucket;
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
/// Plans that are looked at.
const PLANS: usize = 32;

/// Everything that states of this list of plans can still have to be done.
const LOOKED_AT: [PlanState; 4] =
    [PlanState::Running, PlanState::Paused, PlanState::Stopped, PlanState::Cancelled];

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
        let plans = engines.plans.plans(None, &LOOKED_AT, engines.now(), PLANS).await?;
        let mut wait = WHILE_IDLE;
        let at_work =
            plans.into_iter().filter(|plan| plan.state == PlanState::Running || plan.under_way() > 0);
        for plan in at_work {
            let Some(token) = self.token(engines, plan.id).await? else { continue };
            wait = WHILE_RUNNING;
            if let Err(error) = self.step_of(engines, &plan, token).await {
                self.runs.remove(&plan.id);
                tracing::warn!(plan = plan.id, %error, "a plan rests");
            }
        }
        Ok(wait)
    }

    /// Plans that nobody ran in time let go of their dead letters.
    async fn expire(&mut self, engines: &Engines) -> Result<(), LedgerError> {
        if self.expired_at.is_some_and(|at| at.elapsed() < EXPIRE) {
            return Ok(());
        }
        let waiting = [PlanState::Planning, PlanState::Ready];
        let plans = engines.plans.plans(None, &waiting, engines.now(), usize::MAX).await?;
        for plan in plans.iter().filter(|plan| plan.state == PlanState::Expired) {
            let change = PlanChange::to(&waiting, PlanState::Expired);
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
        if let Some(run) = run {
            run.renewed_at = Instant::now();
        }
        Ok(token)
    }

    async fn step_of(&mut self, engines: &Engines, plan: &Plan, token: i64) -> Result<(), LedgerError> {
        let directory = Directory::read(engines, None).await.map_err(|it| LedgerError::Broken(it.message))?;
        let release =
            Release { plan: plan.id, token: Some(token), lane: Some(Lane::Bulk), directory: &directory };
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
        Turn { engines, plan: &plan, release, under_way }.take(&mut run.bucket).await
    }
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
