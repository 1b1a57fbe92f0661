//! A replay: the same event, taken in once more under the same id and with the same time.

use std::collections::BTreeSet;
use std::time::Instant;

use ledger::plans::{Frame, ItemChange, ItemState, NewItem, PlanChange, Progress, RunOptions};
use ledger::{Act, DeadLetterFilter, DeadLetterState, DeadLetterView, PlanId, PlanState};

use super::{Pages, Row, Selection, changed_at_once};
use crate::arrivals::report_own;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;
use crate::operator::plans::{envelope, expires};

const QUEUE_CLOSED: &str = "the queue takes nothing now: replay it again later";

const RESERVED: &str = "it is reserved by a plan: `dead-letters plans` lists them";

/// The plan that notes what becomes of those that were replayed; `each` is given what became of each.
pub(super) async fn run(
    engines: &Engines,
    selection: &Selection,
    act: &Act,
    each: &mut (dyn FnMut(Row) + Send),
) -> Result<Option<PlanId>, Failure> {
    let mut plan = OneStep::begin(engines, act).await?;
    match all(engines, selection, act, &mut plan, each).await {
        Ok(()) => {
            let plan = plan.end(act).await?;
            report_own(engines).await;
            Ok(plan)
        }
        Err(failure) => {
            // What was replayed comes to its results, and the other dead letters are free. It may be the ledger that failed:
            // then the plan expires.
            drop(plan.end(act).await);
            Err(failure)
        }
    }
}

/// Replays page by page.
async fn all(
    engines: &Engines,
    selection: &Selection,
    act: &Act,
    plan: &mut OneStep<'_>,
    each: &mut (dyn FnMut(Row) + Send),
) -> Result<(), Failure> {
    let directory = Directory::read(engines, None).await?;
    let mut is_closed = false;
    let (mut pages, mut size) = (Pages::of(selection), changed_at_once());
    loop {
        let letters = pages.next(engines, size.rows()).await?;
        if letters.is_empty() {
            return Ok(());
        }
        // Of the transactions for a page, this one writes the most.
        let began = Instant::now();
        let reserved = plan.reserve(&letters).await?;
        size.learn(letters.len(), began.elapsed());
        let page: Vec<Row> = match is_closed {
            true => letters.iter().map(|letter| row(letter, Some(QUEUE_CLOSED))).collect(),
            false => replay(engines, &letters, (&directory, &reserved)).await?,
        };
        plan.note(&page).await?;
        let replayed: Vec<i64> = page.iter().filter(|row| row.reason.is_none()).map(|row| row.id).collect();
        if !replayed.is_empty() {
            engines.dead_letters.note_replay(&replayed, act).await?;
        }
        is_closed = page.iter().any(|row| row.reason == Some(QUEUE_CLOSED));
        page.into_iter().for_each(&mut *each);
    }
}

/// A plan that is made and run at once: its events are in the queue when it is ready, and the workers note what becomes of
/// them.
struct OneStep<'e> {
    engines: &'e Engines,
    id: PlanId,
    frame: Frame,
    replayed: usize,
}

impl<'e> OneStep<'e> {
    async fn begin(engines: &'e Engines, act: &Act) -> Result<Self, Failure> {
        let frame = Frame { selector: act.selector.clone(), ..Frame::default() };
        let id = engines.plans.create_plan(&frame, act.at, expires(act.at)).await?;
        Ok(Self { engines, id, frame, replayed: 0 })
    }

    /// Reserves dead letters; which of them another plan has.
    async fn reserve(&mut self, letters: &[DeadLetterView]) -> Result<BTreeSet<i64>, Failure> {
        let ids = Some(letters.iter().map(|letter| letter.id).collect());
        let filter = DeadLetterFilter { ids, limit: letters.len(), ..DeadLetterFilter::default() };
        let candidates = self.engines.plans.plan_candidates(&filter).await?;
        for candidate in &candidates {
            *self.frame.connections.entry(candidate.connection).or_default() += 1;
        }
        let items: Vec<NewItem> = candidates.into_iter().map(NewItem::planned).collect();
        let reserved = self.engines.plans.add_plan_items(self.id, &items).await?;
        Ok(reserved.into_iter().map(|(letter, _)| letter).collect())
    }

    /// Notes what was done with a page.
    async fn note(&mut self, page: &[Row]) -> Result<(), Failure> {
        let now = self.engines.now();
        let done = page.iter().filter(|row| row.reason != Some(RESERVED)).map(|row| match row.reason {
            None => ItemChange { released_at: Some(now), ..ItemChange::to(row.id, ItemState::Released, "") },
            Some(reason) => ItemChange::to(row.id, ItemState::LeftOut, reason),
        });
        self.replayed += page.iter().filter(|row| row.reason.is_none()).count();
        let changes: Vec<ItemChange> = done.collect();
        Ok(self.engines.plans.change_plan_items(self.id, None, &changes).await?)
    }

    /// Leaves the results to the workers; the plan, unless nothing was replayed.
    async fn end(self, act: &Act) -> Result<Option<PlanId>, Failure> {
        let to = if self.replayed > 0 { PlanState::Running } else { PlanState::Cancelled };
        let change = PlanChange {
            frame: Some(self.frame),
            options: Some(RunOptions { reason: act.reason.clone(), ..RunOptions::default() }),
            progress: Some(Progress { started_at: Some(act.at), ..Progress::default() }),
            ..PlanChange::to(&[PlanState::Planning], to)
        };
        self.engines.plans.change_plan(self.id, &change).await?;
        Ok((self.replayed > 0).then_some(self.id))
    }
}

/// Why a letter cannot be replayed, as far as can be seen from it.
fn refusal(letter: &DeadLetterView, directory: &Directory) -> Option<&'static str> {
    if !matches!(letter.state, DeadLetterState::Open | DeadLetterState::Replaying) {
        return Some("it is resolved or discarded already");
    }
    if directory.get(letter.connection).is_none() {
        return Some("it has no connection, or one that was removed");
    }
    letter.payload.is_none().then_some("a delete has erased its event")
}

fn row(letter: &DeadLetterView, reason: Option<&'static str>) -> Row {
    let state = if reason.is_some() { letter.state } else { DeadLetterState::Replaying };
    Row { id: letter.id, event_id: Some(letter.event), state: state.word(), reason }
}

/// Marks the letters of a page, then takes their events in together. Nobody can repair a letter that is marked, so the newest
/// revisions are read after that. One whose event never came to be absorbed may be replayed again, which does no harm.
async fn replay(
    engines: &Engines,
    letters: &[DeadLetterView],
    (directory, reserved): (&Directory, &BTreeSet<i64>),
) -> Result<Vec<Row>, Failure> {
    let refused = |letter: &DeadLetterView| {
        reserved.contains(&letter.id).then_some(RESERVED).or_else(|| refusal(letter, directory))
    };
    let wanted: Vec<&DeadLetterView> = letters.iter().filter(|letter| refused(letter).is_none()).collect();
    let opened = wanted.iter().filter(|letter| letter.state == DeadLetterState::Open);
    let mut back: Vec<i64> = opened.map(|letter| letter.id).collect();
    let (open, replaying) = (DeadLetterState::Open, DeadLetterState::Replaying);
    engines.ledger.move_dead_letters(&back, open, replaying).await?;
    let ids: Vec<i64> = wanted.iter().map(|letter| letter.id).collect();
    let repaired = engines.repairs.newest_revisions(&ids).await?;
    let (mut rows, mut envelopes) = (Vec::new(), Vec::new());
    for letter in letters {
        let made = refused(letter).map_or_else(|| envelope(letter, repaired.get(&letter.id), None), Err);
        rows.push(row(letter, made.as_ref().err().copied()));
        envelopes.extend(made);
    }
    if let Err(error) = engines.queue.publish(&envelopes).await {
        tracing::warn!(letters = envelopes.len(), %error, "dead letters could not be replayed");
        for (row, letter) in rows.iter_mut().zip(letters).filter(|(row, _)| row.reason.is_none()) {
            *row = self::row(letter, Some(QUEUE_CLOSED));
        }
    }
    // What was marked and is not in the queue is open again.
    back.retain(|id| rows.iter().any(|row| row.id == *id && row.reason.is_some()));
    engines.ledger.move_dead_letters(&back, replaying, open).await?;
    Ok(rows)
}
