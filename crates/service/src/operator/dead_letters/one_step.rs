//! A plan that is made and run at once: its events are in the queue when it is ready, and the workers record the results.

use std::collections::BTreeMap;

use ledger::plans::{
    Candidate, Frame, ItemChange, ItemState, Marked, NewItem, PlanChange, Progress, RunOptions,
};
use ledger::{Act, DeadLetterFilter, DeadLetterState, DeadLetterView, PlanId, PlanState};

use super::Selection;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;
use crate::operator::plans::{ended, made_until, may_be_of, stopped};

const RESERVED: &str = "it is reserved by a plan: `dead-letters plans` lists them, `dead-letters cancel PLAN` frees its dead letters";

const CLOSED: &str = "it is resolved or discarded already";

/// Dead letters that are not replayed, and why.
pub(super) type Refused = BTreeMap<i64, &'static str>;

/// A plan that is made and run at once. It is created with the first dead letter that can be replayed.
pub(super) struct OneStep<'e> {
    engines: &'e Engines,
    act: &'e Act,
    id: Option<PlanId>,
    frame: Frame,
    replayed: usize,
}

impl<'e> OneStep<'e> {
    pub(super) fn new(engines: &'e Engines, selection: &Selection, act: &'e Act) -> Self {
        let connections = may_be_of(selection.filter.connections.as_ref());
        let frame = Frame { selector: act.selector.clone(), connections, ..Frame::default() };
        Self { engines, act, id: None, frame, replayed: 0 }
    }

    /// Adds the dead letters that can be replayed, and marks them: from then on a worker publishes them if this process ends.
    /// Returns the others, with the reasons.
    pub(super) async fn mark(
        &mut self,
        letters: &[DeadLetterView],
        directory: &Directory,
    ) -> Result<Refused, Failure> {
        let candidates = self.candidates(letters).await?;
        let held = |letter: &DeadLetterView| {
            let by = candidates.get(&letter.id).and_then(|candidate| candidate.held_by);
            by.is_some_and(|plan| Some(plan) != self.id).then_some(RESERVED)
        };
        let mut refused: Refused = letters
            .iter()
            .filter_map(|letter| Some((letter.id, held(letter).or_else(|| refusal(letter, directory))?)))
            .collect();
        let now = self.engines.now();
        let free = candidates.into_values().filter(|candidate| !refused.contains_key(&candidate.letter));
        let items: Vec<NewItem> = free.map(|candidate| NewItem::releasing(candidate, now)).collect();
        let marked = self.add(&items).await?;
        let reserved = marked.reserved.iter().map(|(letter, _)| (*letter, RESERVED));
        refused.extend(reserved);
        for letter in letters.iter().filter(|letter| !marked.letters.contains(&letter.id)) {
            refused.entry(letter.id).or_insert(CLOSED);
        }
        Ok(refused)
    }

    async fn candidates(&self, letters: &[DeadLetterView]) -> Result<BTreeMap<i64, Candidate>, Failure> {
        let ids = Some(letters.iter().map(|letter| letter.id).collect());
        let filter = DeadLetterFilter { ids, limit: letters.len(), ..DeadLetterFilter::default() };
        let found = self.engines.plans.plan_candidates(&filter).await?;
        Ok(found.into_iter().map(|candidate| (candidate.letter, candidate)).collect())
    }

    async fn add(&mut self, items: &[NewItem]) -> Result<Marked, Failure> {
        if items.is_empty() {
            return Ok(Marked::default());
        }
        let until = made_until(self.engines.now());
        let id = match self.id {
            Some(id) => id,
            None => self.engines.plans.create_plan(&self.frame, self.act.at, until).await?,
        };
        self.id = Some(id);
        let marked = match self.engines.plans.mark_plan_items(id, items, self.act, until).await {
            Ok(marked) => marked,
            Err(error) => return Err(stopped(self.engines, id, error).await),
        };
        for item in items {
            *self.frame.connections.entry(item.candidate.connection).or_default() += 1;
        }
        Ok(marked)
    }

    /// Records the results of a page.
    pub(super) async fn note(
        &mut self,
        letters: &[DeadLetterView],
        refused: &Refused,
    ) -> Result<(), Failure> {
        let Some(id) = self.id else { return Ok(()) };
        let change = |letter: &DeadLetterView| match refused.get(&letter.id) {
            None => Some(ItemChange::to(letter.id, ItemState::Released, "")),
            Some(&(RESERVED | CLOSED)) => None,
            Some(reason) => Some(ItemChange::to(letter.id, ItemState::LeftOut, *reason)),
        };
        let changes: Vec<ItemChange> = letters.iter().filter_map(change).collect();
        self.replayed += changes.iter().filter(|change| change.state == ItemState::Released).count();
        Ok(self.engines.plans.change_plan_items(id, None, &changes).await?)
    }

    /// Leaves the results to the workers. Returns the plan, unless nothing was replayed.
    pub(super) async fn end(mut self) -> Result<Option<PlanId>, Failure> {
        let Some(id) = self.id else { return Ok(None) };
        self.frame.connections.retain(|_, letters| *letters > 0);
        let to = if self.replayed > 0 { PlanState::Running } else { PlanState::Cancelled };
        let change = PlanChange {
            frame: Some(self.frame),
            options: Some(RunOptions { reason: self.act.reason.clone(), ..RunOptions::default() }),
            progress: Some(Progress { started_at: Some(self.act.at), ..Progress::default() }),
            ..PlanChange::to(&[PlanState::Planning], to)
        };
        if !self.engines.plans.change_plan(id, &change).await? {
            return Err(ended(self.engines, id).await);
        }
        Ok((self.replayed > 0).then_some(id))
    }
}

/// The reason why a letter cannot be replayed, as far as the letter itself shows it.
fn refusal(letter: &DeadLetterView, directory: &Directory) -> Option<&'static str> {
    if !matches!(letter.state, DeadLetterState::Open | DeadLetterState::Replaying) {
        return Some(CLOSED);
    }
    if directory.get(letter.connection).is_none() {
        return Some("it has no connection, or one that was removed");
    }
    letter
        .payload
        .is_none()
        .then_some("its event is no longer kept: a delete has erased it, or its person waits")
}
