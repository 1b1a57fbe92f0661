//! Makes a plan: reads its dead letters page by page, and freezes each page with its forecast.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use connections::ConnectionId;
use jiff::Timestamp;
use ledger::plans::{Candidate, Frame, ItemChange, ItemFilter, ItemState, NewItem, PlanChange, PlanItem};
use ledger::{Act, DeadLetterFilter, DeadLetterState, PageSize, Plan, PlanId, PlanState};
use repair::Patch;

use super::forecast::Look;
use super::making::{digest, ended, made_until, stopped};
use super::patch::Patching;
use super::{act_on, plan};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;
use crate::operator::repairs::Samples;

/// Dead letters that are frozen in one transaction, at most.
const AT_ONCE: usize = 250;
/// Dead letters that are frozen in one transaction, at least, even if the ledger is slow.
const FEWEST_AT_ONCE: usize = 25;

/// How long a plan can be run.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// A request to make a plan.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// The dead letters to plan.
    pub filter: DeadLetterFilter,
    /// The same in words, with its times frozen and without anything personal.
    pub selector: String,
    /// The plan whose unfinished items are planned: only these, as far as the filter selects them.
    pub left_of: Option<PlanId>,
    /// The planner: see [`ledger::AuditEntry::actor`].
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// The patch for their events. Revisions are stored while the plan is made, and stay whatever becomes of it.
    pub patch: Option<Patch>,
}

/// A plan that was made.
#[derive(Debug)]
pub struct Made {
    /// The plan.
    pub plan: Plan,
    /// The effect of the patch on some of its events; empty without a patch. Personal data.
    pub samples: Samples,
}

/// Makes a plan. Nothing is sent. `blocked` are the identifiers that the configuration adds to the default list; `report` is
/// given the number of dead letters that are frozen.
///
/// # Errors
///
/// [`Failure`] if nothing is selected, the plan of [`PlanRequest::left_of`] has not finished, the plan is cancelled meanwhile,
/// or the ledger fails. An unfinished plan is left cancelled.
pub async fn make(
    engines: &Engines,
    blocked: &[String],
    request: PlanRequest,
    report: &mut (dyn FnMut(u64) + Send),
) -> Result<Made, Failure> {
    if let Some(other) = request.left_of {
        must_be_finished(&plan(engines, other).await?)?;
    }
    let now = engines.now();
    let connections = may_be_of(request.filter.connections.as_ref());
    let mut frame = Frame {
        selector: request.selector.clone(),
        left_of: request.left_of,
        connections,
        ..Frame::default()
    };
    let id = engines.plans.create_plan(&frame, now, made_until(now)).await?;
    let act = act_on(id, &request.selector, &request.actor, now, request.reason.clone());
    let mut samples = Samples::default();
    let made = fill(engines, blocked, (&request, &act), (id, &mut frame, &mut samples), report).await;
    let Err(failure) = made else {
        let ready = PlanChange {
            frame: Some(frame),
            expires_at: Some(expires(engines.now())),
            act: Some((act, "plan_made")),
            ..PlanChange::to(&[PlanState::Planning], PlanState::Ready)
        };
        if !engines.plans.change_plan(id, &ready).await? {
            return Err(ended(engines, id).await);
        }
        return Ok(Made { plan: plan(engines, id).await?, samples });
    };
    // If the ledger itself failed, a worker cancels the plan.
    drop(engines.plans.change_plan(id, &PlanChange::to(&[PlanState::Planning], PlanState::Cancelled)).await);
    Err(failure)
}

/// The unfinished items of a plan are free when the plan has finished: until then the plan reserves them.
fn must_be_finished(plan: &Plan) -> Result<(), Failure> {
    if plan.state.is_finished() {
        return Ok(());
    }
    let message =
        format!("plan {} is {}: it still reserves its remaining dead letters", plan.id, plan.state.word());
    Err(Failure::refused("plan_state", message, format!("first end it: `dead-letters cancel {}`", plan.id)))
}

/// The connections that a plan may concern while it is being made, so that an operator who may see only these sees the plan.
pub(crate) fn may_be_of(limited: Option<&Vec<ConnectionId>>) -> BTreeMap<ConnectionId, u64> {
    limited.into_iter().flatten().map(|connection| (*connection, 0)).collect()
}

/// When a plan that is ready now can no longer be run.
fn expires(now: Timestamp) -> Timestamp {
    now.checked_add(KEPT).unwrap_or(now)
}

async fn fill(
    engines: &Engines,
    blocked: &[String],
    (request, act): (&PlanRequest, &Act),
    (id, frame, samples): (PlanId, &mut Frame, &mut Samples),
    report: &mut (dyn FnMut(u64) + Send),
) -> Result<(), Failure> {
    let directory = Directory::read(engines, None).await?;
    let patching = request.patch.as_ref();
    let patching = patching.map(|patch| Patching::new(engines, (&directory, blocked), (patch, act), samples));
    let look = Look::new(engines, blocked, &directory);
    let mut set = Set::new((engines, id), look, patching);
    match request.left_of {
        None => freeze(&mut set, &request.filter, report).await?,
        Some(other) => freeze_left_of(&mut set, other, &request.filter, report).await?,
    }
    if set.by_connection.is_empty() {
        let message = "there is no dead letter to plan";
        return Err(Failure::refused(
            "nothing_selected",
            message,
            "`dead-letters list` shows the dead letters of a selector",
        ));
    }
    frame.estimate = set.look.estimate();
    frame.digest = digest(set.letters);
    frame.connections = set.by_connection;
    frame.patched = set.patching.map(|patching| patching.patched);
    Ok(())
}

/// Freezes the dead letters that a filter selects.
async fn freeze(
    set: &mut Set<'_>,
    filter: &DeadLetterFilter,
    report: &mut (dyn FnMut(u64) + Send),
) -> Result<(), Failure> {
    let (mut filter, mut left) = (filter.clone(), filter.limit);
    loop {
        filter.limit = set.at_once.rows().min(left);
        let page = set.engines.plans.plan_candidates(&filter).await?;
        let Some(last) = page.last() else { return Ok(()) };
        filter.after = Some((last.died_at, last.letter));
        left -= page.len();
        set.add(page).await?;
        report(set.frozen);
    }
}

/// Freezes the unfinished items of another plan, as far as a filter selects them.
async fn freeze_left_of(
    set: &mut Set<'_>,
    other: PlanId,
    wanted: &DeadLetterFilter,
    report: &mut (dyn FnMut(u64) + Send),
) -> Result<(), Failure> {
    let (mut left, mut after) = (wanted.limit, None);
    while let Some(items) = set.page_of(other, &mut after).await? {
        let is_wanted = |id: &i64| wanted.ids.as_ref().is_none_or(|wanted| wanted.contains(id));
        let ids = items.into_iter().filter(|item| is_left(item.state)).map(|item| item.letter);
        let filter = DeadLetterFilter {
            ids: Some(ids.filter(is_wanted).collect()),
            states: Some(vec![DeadLetterState::Open]),
            limit: left,
            ..wanted.clone()
        };
        let page = set.engines.plans.plan_candidates(&filter).await?;
        left -= page.len();
        set.add(page).await?;
        report(set.frozen);
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// Whether an item of another plan is unfinished.
fn is_left(state: ItemState) -> bool {
    matches!(
        state,
        ItemState::Planned
            | ItemState::LeftOut
            | ItemState::SameCause
            | ItemState::NewCause
            | ItemState::Skipped
    )
}

/// The set as it is frozen.
struct Set<'s> {
    engines: &'s Engines,
    plan: PlanId,
    /// The patch for their events, applied when they are reserved and before they are looked at.
    patching: Option<Patching<'s>>,
    look: Look<'s>,
    letters: Vec<i64>,
    by_connection: BTreeMap<ConnectionId, u64>,
    frozen: u64,
    /// Dead letters in the next page.
    at_once: PageSize,
}

impl<'s> Set<'s> {
    fn new((engines, plan): (&'s Engines, PlanId), look: Look<'s>, patching: Option<Patching<'s>>) -> Self {
        let (letters, by_connection) = (Vec::new(), BTreeMap::new());
        let at_once = PageSize::between(FEWEST_AT_ONCE, AT_ONCE);
        Self { engines, plan, patching, look, letters, by_connection, frozen: 0, at_once }
    }

    async fn add(&mut self, page: Vec<Candidate>) -> Result<(), Failure> {
        for candidate in &page {
            self.letters.push(candidate.letter);
            *self.by_connection.entry(candidate.connection).or_default() += 1;
        }
        match self.patching.is_some() {
            true => self.reserve_and_patch(page).await,
            false => {
                let items = self.look.page(page).await?;
                self.reserve(&items).await.map(drop)
            }
        }
    }

    /// Reserves dead letters before their events are repaired, so that no event of another plan is repaired. The forecast of
    /// the repaired events is recorded after that.
    async fn reserve_and_patch(&mut self, page: Vec<Candidate>) -> Result<(), Failure> {
        let (held, free): (Vec<_>, Vec<_>) = page.into_iter().partition(|it| it.held_by.is_some());
        let mut items = self.look.page(held).await?;
        items.extend(free.iter().cloned().map(NewItem::planned));
        let reserved = self.reserve(&items).await?;
        let own: Vec<Candidate> =
            free.into_iter().filter(|it| reserved.iter().all(|(letter, _)| *letter != it.letter)).collect();
        let Some(patching) = &mut self.patching else { return Ok(()) };
        let (repaired, mut seen) = patching.page(own).await?;
        seen.extend(self.look.page(repaired).await?);
        let changes: Vec<ItemChange> = seen.into_iter().map(NewItem::into_change).collect();
        let began = Instant::now();
        self.engines.plans.change_plan_items(self.plan, None, &changes).await?;
        self.at_once.learn(changes.len(), began.elapsed());
        Ok(())
    }

    /// Adds items with their reservations. Returns the dead letters that other plans have reserved.
    async fn reserve(&mut self, items: &[NewItem]) -> Result<Vec<(i64, PlanId)>, Failure> {
        let began = Instant::now();
        let until = made_until(self.engines.now());
        let added = self.engines.plans.add_plan_items(self.plan, items, until).await;
        let reserved = match added {
            Ok(reserved) => reserved,
            Err(error) => return Err(stopped(self.engines, self.plan, error).await),
        };
        self.at_once.learn(items.len(), began.elapsed());
        self.frozen += u64::try_from(items.len()).unwrap_or(u64::MAX);
        Ok(reserved)
    }

    /// The next items of another plan.
    async fn page_of(
        &self,
        plan: PlanId,
        after: &mut Option<(ConnectionId, identity::Digest, i64)>,
    ) -> Result<Option<Vec<PlanItem>>, Failure> {
        let filter = ItemFilter { plan, after: *after, limit: self.at_once.rows(), ..ItemFilter::default() };
        let items = self.engines.plans.plan_items(&filter).await?;
        *after = items.last().map(|item| (item.connection, item.person, item.letter)).or(*after);
        Ok((!items.is_empty()).then_some(items))
    }
}
