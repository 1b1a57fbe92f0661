//! One look at a plan that runs: the canary, the rule, the release of items, and the end.

use std::collections::{BTreeMap, BTreeSet};

use connections::ConnectionId;
use identity::Digest;
use ledger::plans::{CanaryResult, ItemFilter, ItemState, PlanChange, PlanItem, Progress, Tally};
use ledger::{LedgerError, Plan, PlanState};
use tokio::time::Instant;

use super::fit::{Room, fitting};
use super::forecast::rate;
use super::pace::{Bucket, ahead};
use super::release::{AtOnce, Release};
use super::{FEWEST_RESULTS, STOP_IF, WORKER, act_on};
use crate::engines::Engines;

/// Items that are under way at most, whatever they weigh.
const UNDER_WAY: usize = 1_000;

/// Items that are read at once.
pub(super) const AT_ONCE: usize = 250;

/// Items that are released and have no result yet.
#[derive(Default)]
pub(super) struct UnderWay {
    pub(super) items: usize,
    pub(super) weights: BTreeMap<ConnectionId, u64>,
}

/// One look at a plan that runs.
pub(super) struct Turn<'t> {
    pub(super) engines: &'t Engines,
    pub(super) plan: &'t Plan,
    pub(super) release: Release<'t>,
    /// Calls a second that workers make at this moment, by connection, as far as is known.
    pub(super) rates: &'t BTreeMap<ConnectionId, f64>,
    pub(super) under_way: UnderWay,
}

impl Turn<'_> {
    pub(super) async fn take(mut self, bucket: &mut Bucket, at_once: &mut AtOnce) -> Result<(), LedgerError> {
        let progress = self.begun().await?;
        let in_canary = self.plan.options.canary > 0 && progress.canary.is_none();
        if !in_canary && let Some(why) = self.broken_rule(&progress) {
            return self.stop(progress, why).await;
        }
        let until = if in_canary { progress.canary_until } else { None };
        let any = self.release_some(bucket, until, at_once).await?;
        if any || self.under_way.items > 0 {
            return Ok(());
        }
        if in_canary { self.decide(progress).await } else { self.finish(progress).await }
    }

    /// The progress of the run; at its start, and when it goes on after a stop, the canary is chosen.
    async fn begun(&self) -> Result<Progress, LedgerError> {
        let mut progress = self.plan.progress.clone();
        let is_chosen = progress.canary.is_some() || progress.canary_until.is_some();
        let needs_canary = self.plan.options.canary > 0 && !is_chosen;
        if progress.started_at.is_some() && !needs_canary {
            return Ok(progress);
        }
        progress.started_at = progress.started_at.or_else(|| Some(self.engines.now()));
        if needs_canary {
            progress.canary_until = self.last_of_canary().await?;
        }
        self.write(PlanState::Running, progress.clone(), None).await?;
        Ok(progress)
    }

    /// The last person of the canary. The first persons are a random choice, because they are in the order of digests.
    async fn last_of_canary(&self) -> Result<Option<Digest>, LedgerError> {
        let size = usize::try_from(self.plan.options.canary).unwrap_or(usize::MAX);
        let mut persons = BTreeSet::new();
        for connection in self.plan.frame.connections.keys() {
            let (mut own, mut after) = (BTreeSet::new(), None);
            while own.len() < size {
                let page = self.planned(*connection, None, after, AT_ONCE).await?;
                let Some(last) = page.last() else { break };
                after = Some((last.connection, last.person, last.letter));
                own.extend(page.iter().map(|item| item.person));
            }
            persons.extend(own.into_iter().take(size));
        }
        Ok(persons.into_iter().take(size).next_back())
    }

    async fn planned(
        &self,
        connection: ConnectionId,
        until: Option<Digest>,
        after: Option<(ConnectionId, Digest, i64)>,
        limit: usize,
    ) -> Result<Vec<PlanItem>, LedgerError> {
        let state = Some(ItemState::Planned);
        let filter = ItemFilter {
            plan: self.plan.id,
            connection: Some(connection),
            state,
            until,
            after,
            limit,
            ..ItemFilter::default()
        };
        self.engines.plans.plan_items(&filter).await
    }

    /// Releases the items that rate and room allow. Returns whether there were items to release, with or without room.
    async fn release_some(
        &mut self,
        bucket: &mut Bucket,
        until: Option<Digest>,
        at_once: &mut AtOnce,
    ) -> Result<bool, LedgerError> {
        let mut any = false;
        let mut allowed = bucket.allows(self.plan.options.rate, Instant::now());
        for connection in self.plan.frame.connections.keys() {
            let room = UNDER_WAY.saturating_sub(self.under_way.items).min(AT_ONCE);
            let page = self.planned(*connection, until, None, room.max(1)).await?;
            any |= !page.is_empty();
            if room == 0 {
                continue;
            }
            let known = self.release.directory.get(*connection);
            // A removed connection has no limit, because its items are skipped.
            let in_use = |it| self.rates.get(connection).copied().unwrap_or(f64::MAX).min(rate(it));
            let most = known.map_or(u64::MAX, |it| ahead(in_use(it)));
            let under_way = self.under_way.weights.get(connection).copied().unwrap_or(0);
            let (taken, calls) = fitting(&page, page.len() < room, Room { calls: allowed, under_way, most });
            let items = &page[..taken];
            if items.is_empty() {
                continue;
            }
            allowed = allowed.saturating_sub(calls);
            bucket.spend(calls);
            self.under_way.items += items.len();
            self.release.items(self.engines, items, at_once).await?;
        }
        Ok(any)
    }

    /// The canary has all of its results: the others go on, or the plan stops.
    async fn decide(&self, mut progress: Progress) -> Result<(), LedgerError> {
        let tally = self.counted(&progress);
        let limit = self.plan.options.stop_if.unwrap_or(STOP_IF);
        let passed = share(tally) <= limit;
        progress.canary = Some(CanaryResult { passed, tally });
        if passed {
            return self.write(PlanState::Running, progress, None).await;
        }
        let why = format!("of the canary {}", in_words(tally, limit));
        self.stop(progress, why).await
    }

    /// The reason why the plan stops, if it does.
    fn broken_rule(&self, progress: &Progress) -> Option<String> {
        let limit = self.plan.options.stop_if?;
        let tally = self.counted(progress);
        let enough = tally.delivered + tally.failed >= FEWEST_RESULTS;
        (enough && share(tally) > limit).then(|| in_words(tally, limit))
    }

    /// The results since the run began, or since it went on after a stop.
    fn counted(&self, progress: &Progress) -> Tally {
        let (all, before) = (self.plan.tally(), progress.forgiven);
        Tally {
            delivered: all.delivered.saturating_sub(before.delivered),
            failed: all.failed.saturating_sub(before.failed),
        }
    }

    async fn stop(&self, mut progress: Progress, why: String) -> Result<(), LedgerError> {
        tracing::warn!(plan = self.plan.id, error = why, "a plan stops by its rule");
        progress.ended_at = Some(self.engines.now());
        progress.stopped_because = Some(why.clone());
        self.write(PlanState::Stopped, progress, Some(("plan_stopped", why))).await
    }

    async fn finish(&self, mut progress: Progress) -> Result<(), LedgerError> {
        let Tally { delivered, failed } = self.plan.tally();
        let others = self.plan.count(ItemState::Waits) + self.plan.count(ItemState::Skipped);
        let results = format!("{delivered} delivered, {failed} failed again, {others} neither");
        tracing::info!(plan = self.plan.id, delivered, failed, others, "a plan is done");
        progress.ended_at = Some(self.engines.now());
        self.write(PlanState::Done, progress, Some(("plan_done", results))).await
    }

    /// Writes the progress. If an operator has changed the state meanwhile, that state stands, and the next look decides the same again.
    async fn write(
        &self,
        to: PlanState,
        progress: Progress,
        act: Option<(&'static str, String)>,
    ) -> Result<(), LedgerError> {
        let (id, selector) = (self.plan.id, &self.plan.frame.selector);
        let act =
            act.map(|(word, reason)| (act_on(id, selector, WORKER, self.engines.now(), Some(reason)), word));
        let change = PlanChange {
            token: Some(self.release.token),
            progress: Some(progress),
            act,
            ..PlanChange::to(&[PlanState::Running], to)
        };
        self.engines.plans.change_plan(self.plan.id, &change).await.map(drop)
    }
}

/// The share of failures.
#[expect(clippy::cast_precision_loss, reason = "a share of results")]
fn share(tally: Tally) -> f64 {
    tally.failed as f64 / (tally.delivered + tally.failed).max(1) as f64
}

fn in_words(tally: Tally, limit: f64) -> String {
    let (failed, all) = (tally.failed, tally.delivered + tally.failed);
    format!("{failed} of {all} failed again, more than {:.0} %", limit * 100.0)
}
