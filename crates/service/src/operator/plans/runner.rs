//! Runs plans, in any process that has workers. One process at a time runs a plan, under a lease; if it ends, another one takes
//! over.

use std::collections::BTreeMap;
use std::time::Duration;

use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use ledger::plans::{ItemChange, ItemFilter, ItemState, PlanChange, PlanItem};
use ledger::{LedgerError, Plan, PlanFilter, PlanId, PlanState};
use tokio::time::Instant;
use uuid::Uuid;

use super::item_result;
use super::pace::{Bucket, rates_in_use};
use super::release::{AtOnce, Release, change_items};
use super::turn::{AT_ONCE, Turn, UnderWay};
use super::{CANCELLED, WORKER, act_on};
use crate::engines::Engines;
use crate::operator::Directory;

/// How long a lease on a plan lasts.
const LEASE: Duration = Duration::from_secs(10);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(2);
/// How often the runner looks for expired plans.
const EXPIRE: Duration = Duration::from_secs(60);
/// How often plans are looked at while one runs, and while none does.
const WHILE_RUNNING: Duration = Duration::from_millis(200);
const WHILE_IDLE: Duration = Duration::from_secs(1);
/// The wait after a look as a multiple of its duration, and the longest such wait: less than the time within which an
/// operator's pause has to be noticed.
const SHARE: u32 = 4;
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Upper limit of items whose results one look at a plan reads, so that a large plan does not delay others. A plan with a rate
/// has fewer under way.
const RESULTS_AT_ONCE: usize = 2_000;

/// The runner of one process.
pub struct Runner {
    holder: Uuid,
    runs: BTreeMap<PlanId, Run>,
    /// When the runner last looked for expired plans.
    expired_at: Option<Instant>,
}

/// A plan that this process runs.
struct Run {
    token: i64,
    /// When the lease was taken or renewed; `None` if it may be lost.
    renewed_at: Option<Instant>,
    /// Items that may not have been published, because of a former runner or an error, were published again.
    is_recovered: bool,
    bucket: Bucket,
    at_once: AtOnce,
    /// The place of the item at which the last look ended, unless it came to the end.
    looked_at: Option<(ConnectionId, Digest, i64)>,
}

impl Run {
    fn new(token: i64, now: Instant) -> Self {
        Self {
            token,
            renewed_at: Some(now),
            is_recovered: false,
            bucket: Bucket::new(now),
            at_once: AtOnce::up_to(AT_ONCE),
            looked_at: None,
        }
    }
}

impl Runner {
    /// A runner under a unique name.
    #[must_use]
    pub fn new(engines: &Engines) -> Self {
        Self { holder: engines.new_id(), runs: BTreeMap::new(), expired_at: None }
    }

    /// Does the work that is due now. Returns how long to wait before the next step.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read. The failure of one plan does not delay others.
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
                // The calls that the plan's rate allows are kept: an error adds none.
                if let Some(run) = self.runs.get_mut(&plan.id) {
                    (run.renewed_at, run.is_recovered) = (None, false);
                }
                tracing::warn!(plan = plan.id, %error, "a step of a plan failed, and is tried again");
            }
        }
        // A plan with many items under way takes long to look through: most of the time is left for other work.
        Ok(wait.max((began.elapsed() * SHARE).min(LONGEST_WAIT)))
    }

    /// Ends plans that were not run in time, and those whose maker was killed, so that their dead letters are free.
    async fn expire(&mut self, engines: &Engines) -> Result<(), LedgerError> {
        if self.expired_at.is_some_and(|at| at.elapsed() < EXPIRE) {
            return Ok(());
        }
        let waiting = [PlanState::Planning, PlanState::Ready];
        let now = engines.now();
        for plan in engines.plans.plans(&PlanFilter::in_states(&waiting), now).await? {
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
        if let Some(run) = &run
            && run.renewed_at.is_some_and(|at| at.elapsed() < RENEW)
        {
            return Ok(Some(run.token));
        }
        let token = engines.plans.lease_plan(plan, self.holder, engines.now(), LEASE).await?;
        match (token, run) {
            // Another process has the lease: the known state of the run is outdated.
            (None, _) => drop(self.runs.remove(&plan)),
            (Some(token), Some(run)) if run.token == token => run.renewed_at = Some(Instant::now()),
            (Some(token), _) => drop(self.runs.insert(plan, Run::new(token, Instant::now()))),
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
        let Some(run) = self.runs.get_mut(&plan.id) else { return Ok(()) };
        if !run.is_recovered {
            tracing::info!(plan = plan.id, "this process runs the plan");
            recover(engines, &release, &mut run.at_once).await?;
            run.is_recovered = true;
        }
        let Some(under_way) = self.note_results(engines, plan.id, token).await? else { return Ok(()) };
        let now = engines.plans.plans(&PlanFilter::one(plan.id), engines.now()).await?.pop();
        let Some(plan) = now.filter(|plan| plan.state == PlanState::Running) else { return Ok(()) };
        let Some(run) = self.runs.get_mut(&plan.id) else { return Ok(()) };
        let turn = Turn { engines, plan: &plan, release, rates, under_way };
        turn.take(&mut run.bucket, &mut run.at_once).await
    }

    /// Records the available results of at most [`RESULTS_AT_ONCE`] items; the next look continues after them. Returns the
    /// items still under way, if this look has seen all of them.
    async fn note_results(
        &mut self,
        engines: &Engines,
        plan: PlanId,
        token: i64,
    ) -> Result<Option<UnderWay>, LedgerError> {
        let (mut under_way, mut left) = (UnderWay::default(), RESULTS_AT_ONCE);
        let mut after = self.runs.get_mut(&plan).and_then(|run| run.looked_at.take());
        let is_all = after.is_none();
        while left > 0 {
            // A slow ledger may take longer for some pages than a lease lasts.
            if self.token(engines, plan).await? != Some(token) {
                return Ok(None);
            }
            let state = Some(ItemState::Released);
            let filter = ItemFilter { plan, state, after, limit: AT_ONCE.min(left), ..ItemFilter::default() };
            let items = engines.plans.plan_items(&filter).await?;
            let Some(last) = items.last() else { return Ok(is_all.then_some(under_way)) };
            after = Some((last.connection, last.person, last.letter));
            left -= items.len();
            let changes: Vec<ItemChange> =
                items.iter().filter_map(|item| under_way.result_of(item)).collect();
            let Some(run) = self.runs.get_mut(&plan) else { return Ok(None) };
            change_items(engines, (plan, token), &changes, &mut run.at_once.items).await?;
        }
        if let Some(run) = self.runs.get_mut(&plan) {
            run.looked_at = after;
        }
        Ok(None)
    }
}

impl UnderWay {
    /// The result of an item; an item without a result counts as under way.
    fn result_of(&mut self, item: &PlanItem) -> Option<ItemChange> {
        let result = item_result::result(item);
        if result.is_none() {
            self.items += 1;
            *self.weights.entry(item.connection).or_default() += u64::from(item.weight);
        }
        result
    }
}

/// The end of a plan whose maker is silent.
fn given_up(plan: &Plan, now: Timestamp) -> PlanChange {
    tracing::warn!(plan = plan.id, "a plan was not completed by its process: it is cancelled");
    let reason = Some("the process that made it ended before it was ready".to_owned());
    let act = act_on(plan.id, &plan.frame.selector, WORKER, now, reason);
    let change = PlanChange::to(&[PlanState::Planning], PlanState::Cancelled);
    PlanChange { act: Some((act, CANCELLED)), ..change }
}

/// Publishes again the events that may not have been published.
async fn recover(engines: &Engines, release: &Release<'_>, at_once: &mut AtOnce) -> Result<(), LedgerError> {
    loop {
        let state = Some(ItemState::Releasing);
        let filter = ItemFilter { plan: release.plan, state, limit: AT_ONCE, ..ItemFilter::default() };
        let items = engines.plans.plan_items(&filter).await?;
        if items.is_empty() {
            return Ok(());
        }
        tracing::info!(plan = release.plan, items = items.len(), "took over items that were being released");
        release.again(engines, &items, at_once).await?;
    }
}
