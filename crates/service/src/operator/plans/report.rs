//! The report of a plan: in sum, and item by item.

use std::collections::BTreeMap;

use connections::ConnectionId;
use jiff::Timestamp;
use ledger::plans::{Estimate, ItemFilter, ItemState, PlanItem, WEIGHT_OF_A_CALL};
use ledger::{Plan, PlanId, State};
use serde::Serialize;
use uuid::Uuid;

use super::forecast::BATCH;
use super::plan;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;

/// Items that are read at once.
const AT_ONCE: usize = 1_000;

/// The report of a plan. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The plan as it is.
    #[serde(flatten)]
    pub plan: Plan,
    /// Items by state, every state named.
    pub results: BTreeMap<&'static str, u64>,
    /// Groups of those that died again of another cause, with their number.
    pub new_causes: BTreeMap<String, u64>,
    /// Calls that were planned.
    pub calls_planned: u64,
    /// Calls that brought about the results, as far as these show: one for each affiliate that was or was to be created,
    /// one for up to 50 others that ended at the same moment. Calls that failed and were made again are not in it.
    pub calls_needed: u64,
    /// Seconds that were planned, at the rate of the run if it has one.
    pub seconds_planned: Option<f64>,
    /// Seconds since the first item was released, up to the end or until now.
    pub seconds_needed: Option<f64>,
    /// Items that were not sent, or failed again.
    pub left: u64,
}

/// An item of a report.
#[derive(Debug, Serialize)]
pub struct ItemRow {
    /// The dead letter.
    pub id: i64,
    /// Its event.
    pub event_id: Uuid,
    /// The name of its connection.
    pub connection: String,
    /// The group when it was planned.
    pub group: String,
    /// Its result.
    pub result: ItemState,
    /// The reason, or the outcome.
    pub reason: String,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// When its event came to its end.
    pub ended_at: Option<Timestamp>,
}

impl ItemRow {
    /// An item in words.
    #[must_use]
    pub fn of(item: &PlanItem, directory: &Directory) -> Self {
        Self {
            id: item.letter,
            event_id: item.event,
            connection: directory.name(item.connection),
            group: item.group.clone(),
            result: item.state,
            reason: item.reason.clone(),
            released_at: item.released_at,
            ended_at: item.ended_at,
        }
    }
}

/// Calls as the results of items show them.
#[derive(Default)]
struct Calls {
    single: u64,
    batched: BTreeMap<(ConnectionId, Timestamp), u64>,
}

impl Calls {
    fn count(&mut self, item: &PlanItem) {
        let (state, reason) = (item.state, item.reason.as_str());
        let is_result = matches!(state, ItemState::Delivered | ItemState::SameCause | ItemState::NewCause);
        let no_call = reason == State::Unchanged.word();
        let Some(at) = item.ended_at.filter(|_| is_result && !no_call) else { return };
        match reason == State::Created.word() || item.weight >= WEIGHT_OF_A_CALL {
            true => self.single += 1,
            false => *self.batched.entry((item.connection, at)).or_default() += 1,
        }
    }

    fn sum(&self) -> u64 {
        self.single + self.batched.values().map(|items| items.div_ceil(BATCH)).sum::<u64>()
    }
}

/// The results of a plan so far. Goes through all of its items, and passes each to `each`.
///
/// # Errors
///
/// [`Failure`] if there is no such plan, the ledger cannot be read, or `each` fails.
pub async fn report(
    engines: &Engines,
    id: PlanId,
    mut each: impl FnMut(&PlanItem) -> Result<(), Failure>,
) -> Result<Report, Failure> {
    let plan = plan(engines, id).await?;
    let mut calls = Calls::default();
    walk(engines, ItemFilter { plan: id, ..ItemFilter::default() }, |item| {
        calls.count(item);
        each(item)
    })
    .await?;
    let new = plan.counts.iter().filter(|count| count.state == ItemState::NewCause);
    let new_causes = new.map(|count| (count.reason.clone(), count.count)).collect();
    let left = [ItemState::Planned, ItemState::SameCause, ItemState::NewCause];
    let until = plan.progress.ended_at.unwrap_or_else(|| engines.now());
    Ok(Report {
        results: ItemState::ALL.into_iter().map(|state| (state.word(), plan.count(state))).collect(),
        new_causes,
        calls_planned: plan.frame.estimate.calls(),
        calls_needed: calls.sum(),
        seconds_planned: seconds(&plan.frame.estimate, plan.options.rate),
        seconds_needed: plan.progress.started_at.map(|begun| until.duration_since(begun).as_secs_f64()),
        left: left.into_iter().map(|state| plan.count(state)).sum(),
        plan,
    })
}

/// The seconds of an estimate at the rate of a run, or at the rates of the connections if these are slower.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a time is shown in whole seconds")]
pub fn seconds(estimate: &Estimate, rate: Option<f64>) -> Option<f64> {
    let at_rate = rate.map(|rate| estimate.calls() as f64 / rate);
    estimate.seconds.map(|learned| at_rate.map_or(learned, |at_rate| at_rate.max(learned)))
}

/// Goes through items, page by page; the filter's limit is ignored.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read, or the failure of `each`.
pub async fn walk(
    engines: &Engines,
    mut filter: ItemFilter,
    mut each: impl FnMut(&PlanItem) -> Result<(), Failure>,
) -> Result<(), Failure> {
    filter.limit = AT_ONCE;
    loop {
        let items = engines.plans.plan_items(&filter).await?;
        let Some(last) = items.last() else { return Ok(()) };
        filter.after = Some((last.connection, last.person, last.letter));
        items.iter().try_for_each(&mut each)?;
    }
}
