//! Ports that tests can watch: each call is reported first, and may wait, fail, or follow the act of another process.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use ledger::plans::{Candidate, Frame, ItemChange, ItemFilter, Marked, NewItem, PlanChange, PlanItem};
use ledger::{Act, DeadLetterFilter, LedgerError, Plan, PlanFilter, PlanId, PlanItems, Plans};
use queue::{Batch, Consume, Depth, Envelope, Look, Observe, Publish, PublishError, Queue, QueueError};
use uuid::Uuid;

use super::Harness;
use crate::engines::Engines;

/// A call to the plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Asked {
    /// Items are added to a plan.
    Add(PlanId),
    /// A page of items is read.
    Read(PlanId),
    /// This number of items is changed.
    Change(usize),
}

/// The future that precedes a call.
pub(in super::super) type Before = Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send>>;

impl Harness {
    /// The same engines with a queue that runs `what` each time that events are published, counted from 1. If it waits forever,
    /// dropping its future has the effect of a kill.
    pub(in super::super) fn watched(
        &self,
        what: impl Fn(usize, Arc<dyn Queue>, Vec<Envelope>) -> Publishing + Send + Sync + 'static,
    ) -> Engines {
        let inner = Arc::clone(&self.engines.queue);
        let queue = Watched { inner, published: AtomicUsize::new(0), what: Box::new(what) };
        Engines { queue: Arc::new(queue), ..self.engines.clone() }
    }

    /// The same engines with plans that report each call first.
    pub(in super::super) fn asking(
        &self,
        before: impl Fn(Asked) -> Before + Send + Sync + 'static,
    ) -> Engines {
        let plans = AskedPlans { inner: Arc::clone(&self.engines.plans), before: Box::new(before) };
        Engines { plans: Arc::new(plans), ..self.engines.clone() }
    }
}

/// The future of a watched publishing.
pub(in super::super) type Publishing = Pin<Box<dyn Future<Output = Result<(), PublishError>> + Send>>;

type What = Box<dyn Fn(usize, Arc<dyn Queue>, Vec<Envelope>) -> Publishing + Send + Sync>;

struct Watched {
    inner: Arc<dyn Queue>,
    published: AtomicUsize,
    what: What,
}

#[async_trait]
impl Publish for Watched {
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let nth = self.published.fetch_add(1, Ordering::Relaxed) + 1;
        (self.what)(nth, Arc::clone(&self.inner), envelopes.to_vec()).await
    }
}

#[async_trait]
impl Consume for Watched {
    async fn take_except(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError> {
        self.inner.take_except(max, wait, except).await
    }

    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError> {
        self.inner.acknowledge(batch).await
    }

    async fn release(&self, batch: &Batch) -> Result<(), QueueError> {
        self.inner.release(batch).await
    }
}

#[async_trait]
impl Observe for Watched {
    async fn depth(&self) -> Result<Depth, QueueError> {
        self.inner.depth().await
    }

    async fn look(&self, limit: usize) -> Result<Look, QueueError> {
        self.inner.look(limit).await
    }
}

struct AskedPlans {
    inner: Arc<dyn Plans>,
    before: Box<dyn Fn(Asked) -> Before + Send + Sync>,
}

#[async_trait]
impl PlanItems for AskedPlans {
    async fn plan_candidates(&self, filter: &DeadLetterFilter) -> Result<Vec<Candidate>, LedgerError> {
        self.inner.plan_candidates(filter).await
    }

    async fn add_plan_items(
        &self,
        plan: PlanId,
        items: &[NewItem],
        expires_at: Timestamp,
    ) -> Result<Vec<(i64, PlanId)>, LedgerError> {
        (self.before)(Asked::Add(plan)).await?;
        self.inner.add_plan_items(plan, items, expires_at).await
    }

    async fn mark_plan_items(
        &self,
        plan: PlanId,
        items: &[NewItem],
        act: &Act,
        expires_at: Timestamp,
    ) -> Result<Marked, LedgerError> {
        (self.before)(Asked::Add(plan)).await?;
        self.inner.mark_plan_items(plan, items, act, expires_at).await
    }

    async fn plan_items(&self, filter: &ItemFilter) -> Result<Vec<PlanItem>, LedgerError> {
        (self.before)(Asked::Read(filter.plan)).await?;
        self.inner.plan_items(filter).await
    }

    async fn change_plan_items(
        &self,
        plan: PlanId,
        token: Option<i64>,
        changes: &[ItemChange],
    ) -> Result<(), LedgerError> {
        (self.before)(Asked::Change(changes.len())).await?;
        self.inner.change_plan_items(plan, token, changes).await
    }
}

#[async_trait]
impl Plans for AskedPlans {
    async fn create_plan(
        &self,
        frame: &Frame,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<PlanId, LedgerError> {
        self.inner.create_plan(frame, now, expires_at).await
    }

    async fn plans(&self, filter: &PlanFilter, now: Timestamp) -> Result<Vec<Plan>, LedgerError> {
        self.inner.plans(filter, now).await
    }

    async fn plans_at_work(&self, now: Timestamp) -> Result<Vec<Plan>, LedgerError> {
        self.inner.plans_at_work(now).await
    }

    async fn change_plan(&self, plan: PlanId, change: &PlanChange) -> Result<bool, LedgerError> {
        self.inner.change_plan(plan, change).await
    }

    async fn lease_plan(
        &self,
        plan: PlanId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<i64>, LedgerError> {
        self.inner.lease_plan(plan, holder, now, lasts).await
    }
}
