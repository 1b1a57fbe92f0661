//! The port of plans: a frozen set of dead letters that is replayed under limits, with the result of each.
//!
//! A plan stores ids, digests and fixed words. It contains no personal data, so a delete has nothing to erase.

mod frame;
mod item;
mod statements;
mod states;

use std::time::Duration;

use async_trait::async_trait;
use connections::ConnectionId;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{Act, AuditEntry, DeadLetterFilter, LedgerError};

pub use frame::{CanaryResult, Estimate, Frame, Patched, Progress, RunOptions, Tally};
pub use item::{Candidate, ItemChange, ItemFilter, LetterNow, Marked, NewItem, PlanItem};
pub(crate) use item::{ended, free};
pub(crate) use statements::{AT_WORK, plans};
pub use states::{ItemState, PlanState};

/// The row id of a plan.
pub type PlanId = i64;

/// Thousandths of a call, in which [`ItemChange::weight`] counts.
pub const WEIGHT_OF_A_CALL: u32 = 1_000;

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Its state.
    pub state: PlanState,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it expires unless it is run; while it is being made, when it counts as failed unless another page is added.
    pub expires_at: Timestamp,
    /// Its definition.
    pub frame: Frame,
    /// The options of its run.
    pub options: RunOptions,
    /// The progress of its run.
    pub progress: Progress,
    /// The numbers of its items by state and reason.
    pub counts: Vec<ItemCount>,
    /// The number of calls about its persons that were open when a worker ended, and were sent again.
    pub repeated_calls: u64,
}

impl Plan {
    /// The number of its items in a state.
    #[must_use]
    pub fn count(&self, state: ItemState) -> u64 {
        self.counts.iter().filter(|it| it.state == state).map(|it| it.count).sum()
    }

    /// The number of items under way.
    #[must_use]
    pub fn under_way(&self) -> u64 {
        self.counts.iter().filter(|it| it.state.is_under_way()).map(|it| it.count).sum()
    }

    /// The numbers of delivered and failed items.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            delivered: self.count(ItemState::Delivered),
            failed: self.count(ItemState::SameCause) + self.count(ItemState::NewCause),
        }
    }
}

/// A filter for plans; the default matches all.
#[derive(Clone, Debug)]
pub struct PlanFilter {
    /// Only this plan.
    pub id: Option<PlanId>,
    /// Only plans in one of these stored states; if empty, in any state.
    pub states: Vec<PlanState>,
    /// Only plans that ended at this time or later, to the second.
    pub ended_since: Option<Timestamp>,
    /// The last plan of the previous page; only plans that follow it in the list.
    pub after: Option<PlanId>,
    /// Maximum number of plans.
    pub limit: usize,
}

impl Default for PlanFilter {
    fn default() -> Self {
        Self { id: None, states: Vec::new(), ended_since: None, after: None, limit: usize::MAX }
    }
}

impl PlanFilter {
    /// Only one plan.
    #[must_use]
    pub fn one(id: PlanId) -> Self {
        Self { id: Some(id), ..Self::default() }
    }

    /// Only plans in these stored states.
    #[must_use]
    pub fn in_states(states: &[PlanState]) -> Self {
        Self { states: states.to_vec(), ..Self::default() }
    }

    /// The least and the greatest id: both engines find a range by the key, but would scan every plan for separate conditions on `id` and
    /// `after`.
    pub(crate) fn ids(&self) -> (PlanId, PlanId) {
        let last = self.after.map_or(PlanId::MAX, |after| after.saturating_sub(1));
        self.id.map_or((PlanId::MIN, last), |id| (id, last.min(id)))
    }

    /// The whole second from which plans ended, as the beginning of a stored time: a time with a fraction sorts after it as well.
    pub(crate) fn ended_since_text(&self) -> Option<String> {
        self.ended_since.map(|since| since.strftime("%Y-%m-%dT%H:%M:%S").to_string())
    }
}

/// Items of a plan in one state with one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ItemCount {
    /// The state.
    pub state: ItemState,
    /// The reason; empty for none.
    pub reason: String,
    /// Their number.
    pub count: u64,
}

impl Plan {
    /// The plan as of a time: if it was not run in time, it has expired.
    pub(crate) fn seen_at(mut self, now: Timestamp) -> Self {
        if self.state == PlanState::Ready && self.expires_at < now {
            self.state = PlanState::Expired;
        }
        self
    }
}

/// A change of a plan.
#[derive(Clone, Debug)]
pub struct PlanChange {
    /// Applies only if the plan is in one of these states.
    pub from: Vec<PlanState>,
    /// The new state.
    pub to: PlanState,
    /// Applies only under this token of the plan's lease.
    pub token: Option<i64>,
    /// The new definition, if it changes.
    pub frame: Option<Frame>,
    /// The new options, if they change.
    pub options: Option<RunOptions>,
    /// The new progress, if it changes.
    pub progress: Option<Progress>,
    /// The new time of expiry, if it changes.
    pub expires_at: Option<Timestamp>,
    /// The lines for the audit, one for each connection: the act, and its fixed word.
    pub act: Option<(Act, &'static str)>,
}

impl PlanChange {
    /// A change of the state only.
    #[must_use]
    pub fn to(from: &[PlanState], to: PlanState) -> Self {
        let from = from.to_vec();
        Self {
            from,
            to,
            token: None,
            frame: None,
            options: None,
            progress: None,
            expires_at: None,
            act: None,
        }
    }

    /// The lines for the audit, one for each connection of the plan. If the plan was not completed and its connections are not known, one
    /// line without a connection.
    pub(crate) fn lines(&self, frame: &Frame) -> Vec<AuditEntry> {
        let Some((act, action)) = &self.act else { return Vec::new() };
        if frame.connections.values().all(|number| *number == 0) {
            let unfinished = |connection| {
                let subject = format!("unfinished plan of `{}`", act.selector);
                let (selector, reason) = (Some(act.selector.clone()), act.reason.clone());
                let entry = AuditEntry::new(act.at, &act.actor, action, subject);
                AuditEntry { connection, selector, reason, ..entry }
            };
            let known = frame.connections.keys().map(|connection| unfinished(Some(*connection)));
            return if frame.connections.is_empty() { vec![unfinished(None)] } else { known.collect() };
        }
        let line = |(connection, number): (&ConnectionId, &u64)| {
            act.line(action, *connection, usize::try_from(*number).unwrap_or(usize::MAX))
        };
        frame.connections.iter().map(line).collect()
    }
}

/// The items of plans. Every method takes locks for one page of items at most.
#[async_trait]
pub trait PlanItems: Send + Sync {
    /// Dead letters without their payloads, newest first; with equal times, the greater id first.
    async fn plan_candidates(&self, filter: &DeadLetterFilter) -> Result<Vec<Candidate>, LedgerError>;

    /// Adds items, and reserves their dead letters. A dead letter that another unfinished plan has reserved is left out with the reason
    /// `reserved by plan N`; an existing item stays as it is. Returns the dead letters that were left out, and the plan that has reserved
    /// each. The plan now expires at `expires_at`. Fails with [`LedgerError::Fenced`] and adds nothing if the plan is not in the state
    /// [`PlanState::Planning`] any more.
    async fn add_plan_items(
        &self,
        plan: PlanId,
        items: &[NewItem],
        expires_at: Timestamp,
    ) -> Result<Vec<(i64, PlanId)>, LedgerError>;

    /// Does the same as [`PlanItems::add_plan_items`] for dead letters whose events are about to be published. In the same transaction, it
    /// marks open ones as replaying, and writes a line of the audit for each connection. Dead letters that are neither open nor marked
    /// already are left out with the reason `ended meanwhile`.
    async fn mark_plan_items(
        &self,
        plan: PlanId,
        items: &[NewItem],
        act: &Act,
        expires_at: Timestamp,
    ) -> Result<Marked, LedgerError>;

    /// Items of a state by connection, person and dead letter, or all by dead letter.
    async fn plan_items(&self, filter: &ItemFilter) -> Result<Vec<PlanItem>, LedgerError>;

    /// Changes items; [`LedgerError::Fenced`] if `token` is given and not the newest of the plan's lease.
    async fn change_plan_items(
        &self,
        plan: PlanId,
        token: Option<i64>,
        changes: &[ItemChange],
    ) -> Result<(), LedgerError>;
}

/// Plans, and the process that runs them.
#[async_trait]
pub trait Plans: PlanItems {
    /// Begins a plan, in the state [`PlanState::Planning`]. `expires_at`: see [`Plan::expires_at`].
    async fn create_plan(
        &self,
        frame: &Frame,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<PlanId, LedgerError>;

    /// Plans, newest first. A ready plan that was not run in time is shown as expired.
    async fn plans(&self, filter: &PlanFilter, now: Timestamp) -> Result<Vec<Plan>, LedgerError>;

    /// All plans that a runner has to process, newest first: running ones, and others with items under way, except while they are being
    /// made.
    async fn plans_at_work(&self, now: Timestamp) -> Result<Vec<Plan>, LedgerError>;

    /// Changes a plan. Returns `false` if it is in none of the expected states, or another process holds its lease.
    async fn change_plan(&self, plan: PlanId, change: &PlanChange) -> Result<bool, LedgerError>;

    /// Takes or renews the lease of a plan. Returns its token, or `None` while another holder's lease runs. A new
    /// holder gets a greater token.
    async fn lease_plan(
        &self,
        plan: PlanId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<i64>, LedgerError>;
}
