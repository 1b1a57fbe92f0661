//! A plan is made in two walks: its dead letters are frozen page by page, then each is looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use connections::ConnectionId;
use jiff::Timestamp;
use ledger::plans::{Candidate, Frame, ItemFilter, ItemState, PlanChange};
use ledger::{Act, DeadLetterFilter, DeadLetterState, Plan, PlanId, PlanState};
use repair::Patch;
use sha2::{Digest as _, Sha256};

use super::{forecast, patch, plan};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::repairs::Samples;

/// Dead letters that are frozen in one transaction.
const AT_ONCE: usize = 500;

/// How long a plan can be run.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// What is to be planned.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which dead letters.
    pub filter: DeadLetterFilter,
    /// The same in words, with its times frozen and without anything personal.
    pub selector: String,
    /// The plan whose unfinished items these are: then only these, and of them what the filter picks.
    pub left_of: Option<PlanId>,
    /// Who plans: see [`ledger::AuditEntry::actor`].
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// What their events are repaired with. Revisions are stored while the plan is made, and stay whatever becomes of it.
    pub patch: Option<Patch>,
}

/// A plan that was made.
#[derive(Debug)]
pub struct Made {
    /// The plan.
    pub plan: Plan,
    /// What the patch did to some of its events; empty without a patch. Personal data.
    pub samples: Samples,
}

/// Makes a plan. Nothing is sent. `blocked` are the identifiers that the configuration adds to the default list; `tell` is
/// given the number of dead letters that were frozen and looked at.
///
/// # Errors
///
/// [`Failure`] if nothing is selected, or the ledger fails. An unfinished plan is left cancelled.
pub async fn make(
    engines: &Engines,
    blocked: &[String],
    wish: Wish,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Made, Failure> {
    let now = engines.now();
    let mut frame = Frame { selector: wish.selector.clone(), left_of: wish.left_of, ..Frame::default() };
    let id = engines.plans.create_plan(&frame, now, expires(now)).await?;
    let selector = format!("{} (plan {id})", wish.selector);
    let act = Act { at: now, actor: wish.actor.clone(), selector, reason: wish.reason.clone() };
    let mut samples = Samples::default();
    let made = fill(engines, blocked, (&wish, &act), (id, &mut frame, &mut samples), tell).await;
    let Err(failure) = made else {
        let ready = PlanChange {
            frame: Some(frame),
            act: Some((act, "plan_made")),
            ..PlanChange::to(&[PlanState::Planning], PlanState::Ready)
        };
        engines.plans.change_plan(id, &ready).await?;
        return Ok(Made { plan: plan(engines, id).await?, samples });
    };
    // It may be the ledger that failed: then the plan expires.
    drop(engines.plans.change_plan(id, &PlanChange::to(&[PlanState::Planning], PlanState::Cancelled)).await);
    Err(failure)
}

/// When a plan that is made now can no longer be run.
#[must_use]
pub fn expires(now: Timestamp) -> Timestamp {
    now.checked_add(KEPT).unwrap_or(now)
}

async fn fill(
    engines: &Engines,
    blocked: &[String],
    (wish, act): (&Wish, &Act),
    (id, frame, samples): (PlanId, &mut Frame, &mut Samples),
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<(), Failure> {
    let (digest, connections) = freeze(engines, id, wish, tell).await?;
    if connections.is_empty() {
        let message = "there is no dead letter to plan";
        return Err(Failure::refused(
            "nothing_selected",
            message,
            "`dead-letters list` shows what a selector picks",
        ));
    }
    frame.digest = digest;
    let frozen = connections.values().sum();
    frame.connections = connections;
    if let Some(patch) = &wish.patch {
        frame.patched = Some(patch::apply(engines, blocked, (id, patch, act), samples).await?);
    }
    frame.estimate = forecast::look(engines, blocked, id, &mut |seen| tell(frozen, seen)).await?;
    Ok(())
}

/// Freezes the set; its digest, and its items by connection.
async fn freeze(
    engines: &Engines,
    id: PlanId,
    wish: &Wish,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<(String, BTreeMap<ConnectionId, u64>), Failure> {
    let mut set = Set { engines, id, hash: Sha256::new(), by_connection: BTreeMap::new(), frozen: 0 };
    let mut left = wish.filter.limit;
    match wish.left_of {
        None => {
            let mut filter = wish.filter.clone();
            loop {
                filter.limit = AT_ONCE.min(left);
                let page = engines.plans.plan_candidates(&filter).await?;
                let Some(last) = page.last() else { break };
                filter.after = Some((last.died_at, last.letter));
                left -= page.len();
                set.add(&page).await?;
                tell(set.frozen, 0);
            }
        }
        Some(other) => {
            let mut after = None;
            while let Some(items) = page_of(engines, other, &mut after).await? {
                let is_wanted = |id: &i64| wish.filter.ids.as_ref().is_none_or(|wanted| wanted.contains(id));
                let ids = items.into_iter().filter(|item| is_left(item.state)).map(|item| item.letter);
                let ids = ids.filter(is_wanted).collect();
                let states = Some(vec![DeadLetterState::Open]);
                let filter = DeadLetterFilter {
                    ids: Some(ids),
                    states,
                    limit: AT_ONCE.min(left),
                    ..wish.filter.clone()
                };
                let page = engines.plans.plan_candidates(&filter).await?;
                left -= page.len();
                set.add(&page).await?;
                tell(set.frozen, 0);
                if left == 0 {
                    break;
                }
            }
        }
    }
    let hex = set.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, set.by_connection))
}

/// The next items of another plan.
async fn page_of(
    engines: &Engines,
    plan: PlanId,
    after: &mut Option<(ConnectionId, identity::Digest, i64)>,
) -> Result<Option<Vec<ledger::plans::PlanItem>>, Failure> {
    let filter = ItemFilter { plan, after: *after, limit: AT_ONCE, ..ItemFilter::default() };
    let items = engines.plans.plan_items(&filter).await?;
    *after = items.last().map(|item| (item.connection, item.person, item.letter)).or(*after);
    Ok((!items.is_empty()).then_some(items))
}

/// Whether an item of another plan is left to be planned.
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
    id: PlanId,
    hash: Sha256,
    by_connection: BTreeMap<ConnectionId, u64>,
    frozen: u64,
}

impl Set<'_> {
    async fn add(&mut self, page: &[Candidate]) -> Result<(), Failure> {
        if page.is_empty() {
            return Ok(());
        }
        self.engines.plans.add_plan_items(self.id, page).await?;
        for candidate in page {
            self.hash.update(candidate.letter.to_be_bytes());
            *self.by_connection.entry(candidate.connection).or_default() += 1;
        }
        self.frozen += u64::try_from(page.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}
