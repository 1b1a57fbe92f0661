//! Decides which dead letters can be replayed now, and publishes their events again.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;
use ledger::plans::{ItemChange, ItemState, PlanItem};
use ledger::{DeadLetterFilter, DeadLetterState, DeadLetterView, LedgerError, PageSize, PlanId, Revision};
use queue::{Envelope, FORMAT, Lane};
use serde_json::value::RawValue;

use crate::engines::Engines;
use crate::operator::Directory;

/// Items that are changed, and dead letters that are marked, in one transaction, at least, even if the ledger is slow.
const FEWEST_AT_ONCE: usize = 25;

/// Whether a dead letter can be replayed now; the reasons are fixed words.
///
/// # Errors
///
/// The reason.
pub(super) fn eligible(letter: &DeadLetterView, directory: &Directory) -> Result<(), &'static str> {
    match letter.state {
        DeadLetterState::Open => {}
        DeadLetterState::Replaying => return Err("replayed already"),
        DeadLetterState::Resolved => return Err("delivered meanwhile"),
        DeadLetterState::Discarded if letter.discarded.is_some() => return Err("discarded"),
        DeadLetterState::Discarded if letter.payload.is_none() => return Err("user deleted"),
        DeadLetterState::Discarded => return Err("ended meanwhile"),
    }
    if letter.payload.is_none() {
        return Err("user deleted");
    }
    directory.get(letter.connection).map(drop).ok_or("no connection")
}

/// The newest version of an event, for the queue, under its own id.
///
/// # Errors
///
/// The reason, a fixed word, if the stored payload is no JSON.
pub fn envelope(
    letter: &DeadLetterView,
    repaired: Option<&Revision>,
    lane: Option<Lane>,
) -> Result<Envelope, &'static str> {
    let newest = repaired.map_or(&letter.payload, |repaired| &repaired.payload);
    let text = newest.clone().ok_or("user deleted")?;
    let lane = lane.unwrap_or_else(|| lane_of(letter, &text));
    Ok(Envelope {
        format: FORMAT,
        event_id: letter.event,
        connection: letter.connection,
        lane,
        received_at: letter.received_at,
        replay: true,
        revision: repaired.map_or(0, |repaired| repaired.revision),
        public: false,
        payload: RawValue::from_string(text).map_err(|_| "still invalid")?,
    })
}

/// The lane in which the event first came.
fn lane_of(letter: &DeadLetterView, text: &str) -> Lane {
    match segment::read(text.as_bytes(), letter.received_at) {
        Ok(event) if event.bulk => Lane::Bulk,
        _ => Lane::Live,
    }
}

/// Dead letters by id.
pub(super) async fn letters(
    engines: &Engines,
    ids: Vec<i64>,
) -> Result<BTreeMap<i64, DeadLetterView>, LedgerError> {
    let filter = DeadLetterFilter { limit: ids.len(), ids: Some(ids), ..DeadLetterFilter::default() };
    let found = engines.ledger.dead_letters(&filter).await?;
    Ok(found.into_iter().map(|letter| (letter.id, letter)).collect())
}

/// How many rows are written in the next transactions.
pub(super) struct AtOnce {
    /// Items of a plan.
    pub(super) items: PageSize,
    /// Dead letters: this takes longer, because groups are counted with it.
    letters: PageSize,
}

impl AtOnce {
    /// At most `most` of each.
    pub(super) fn up_to(most: usize) -> Self {
        let least = PageSize::between(FEWEST_AT_ONCE, most);
        Self { items: least, letters: least }
    }
}

/// Changes items under a token, in transactions that are short.
///
/// # Errors
///
/// If the ledger fails, or the plan's lease is lost.
pub(super) async fn change_items(
    engines: &Engines,
    (plan, token): (PlanId, i64),
    changes: &[ItemChange],
    at_once: &mut PageSize,
) -> Result<(), LedgerError> {
    let mut rest = changes;
    while !rest.is_empty() {
        let (page, others) = at_once.split(rest);
        let began = Instant::now();
        engines.plans.change_plan_items(plan, Some(token), page).await?;
        at_once.learn(page.len(), began.elapsed());
        rest = others;
    }
    Ok(())
}

/// Moves dead letters from one state to another, in transactions that are short.
async fn move_letters(
    engines: &Engines,
    ids: &[i64],
    (from, to): (DeadLetterState, DeadLetterState),
    at_once: &mut PageSize,
) -> Result<(), LedgerError> {
    let mut rest = ids;
    while !rest.is_empty() {
        let (page, others) = at_once.split(rest);
        let began = Instant::now();
        let moved = engines.ledger.move_dead_letters(page, from, to).await?;
        // Dead letters in another state take no time.
        if moved > 0 {
            at_once.learn(moved, began.elapsed());
        }
        rest = others;
    }
    Ok(())
}

/// Items of a plan that go back into the queue.
pub(super) struct Release<'r> {
    /// The plan.
    pub(super) plan: PlanId,
    /// The token under which it is run.
    pub(super) token: i64,
    /// The connections.
    pub(super) directory: &'r Directory,
}

impl Release<'_> {
    /// Decides again about each item, and publishes the events of those that can be replayed. The order is: the item is marked;
    /// the dead letter is marked, and cannot be repaired from then on; the event is published; the item is marked as released.
    /// So the event of an item that is found in the first state may be in the queue.
    ///
    /// # Errors
    ///
    /// If the ledger fails, or the plan's lease is lost.
    pub(super) async fn items(
        &self,
        engines: &Engines,
        items: &[PlanItem],
        at_once: &mut AtOnce,
    ) -> Result<(), LedgerError> {
        let letters = letters(engines, items.iter().map(|item| item.letter).collect()).await?;
        let now = engines.now();
        let (mut changes, mut ready) = (Vec::new(), Vec::new());
        for item in items {
            let letter = letters.get(&item.letter).ok_or("expired");
            match letter.and_then(|letter| eligible(letter, self.directory).map(|()| letter)) {
                Ok(letter) => {
                    ready.push(letter);
                    changes.push(releasing(item.letter, letter.died_at, now));
                }
                Err(reason) => changes.push(ItemChange::to(item.letter, ItemState::Skipped, reason)),
            }
        }
        self.change(engines, &changes, at_once).await?;
        let ready = ready.into_iter().map(|letter| letter.id).collect();
        self.publish(engines, ready, at_once).await
    }

    async fn publish(
        &self,
        engines: &Engines,
        all: Vec<i64>,
        at_once: &mut AtOnce,
    ) -> Result<(), LedgerError> {
        if all.is_empty() {
            return Ok(());
        }
        // Another process may run the plan by now: then the dead letters belong to that process.
        engines.plans.change_plan_items(self.plan, Some(self.token), &[]).await?;
        let (was, is) = (DeadLetterState::Open, DeadLetterState::Replaying);
        move_letters(engines, &all, (was, is), &mut at_once.letters).await?;
        let repaired = engines.repairs.newest_revisions(&all).await?;
        let mut letters = letters(engines, all.clone()).await?;
        letters.retain(|_, letter| letter.state == is);
        // Dead letters that were discarded or erased since the first look are not published; the next look determines their result.
        let gone = all.iter().filter(|id| !letters.contains_key(*id));
        let mut changes: Vec<ItemChange> =
            gone.map(|id| ItemChange::to(*id, ItemState::Released, "")).collect();
        let ids: Vec<i64> = letters.keys().copied().collect();
        let (mut back, mut envelopes) = (Vec::new(), Vec::new());
        for letter in letters.values() {
            match envelope(letter, repaired.get(&letter.id), Some(Lane::Bulk)) {
                Ok(envelope) => envelopes.push(envelope),
                Err(reason) => {
                    back.push(letter.id);
                    changes.push(ItemChange::to(letter.id, ItemState::Skipped, reason));
                }
            }
        }
        let published = engines.queue.publish(&envelopes).await;
        let state = match &published {
            Ok(()) => ItemState::Released,
            Err(error) => {
                tracing::warn!(letters = ids.len(), %error, "dead letters could not be replayed");
                back.clone_from(&ids);
                ItemState::Planned
            }
        };
        let others = ids.iter().filter(|id| !changes.iter().any(|change| change.letter == **id));
        let others: Vec<ItemChange> = others.map(|id| ItemChange::to(*id, state, "")).collect();
        changes.extend(others);
        move_letters(engines, &back, (is, was), &mut at_once.letters).await?;
        self.change(engines, &changes, at_once).await
    }

    async fn change(
        &self,
        engines: &Engines,
        changes: &[ItemChange],
        at_once: &mut AtOnce,
    ) -> Result<(), LedgerError> {
        change_items(engines, (self.plan, self.token), changes, &mut at_once.items).await
    }

    /// Publishes again the events that a former runner had marked and may not have published. Publishing twice does no harm:
    /// the events keep their ids.
    ///
    /// # Errors
    ///
    /// If the ledger fails, or the plan's lease is lost.
    pub(super) async fn again(
        &self,
        engines: &Engines,
        items: &[PlanItem],
        at_once: &mut AtOnce,
    ) -> Result<(), LedgerError> {
        let letters = letters(engines, items.iter().map(|item| item.letter).collect()).await?;
        let (mut changes, mut marked) = (Vec::new(), Vec::new());
        for item in items {
            let died_again = item.now.as_ref().is_some_and(|now| now.died_at != item.died_at);
            match letters.get(&item.letter) {
                Some(letter) if letter.state == DeadLetterState::Replaying => marked.push(letter.id),
                // The dead letter was not marked yet.
                Some(letter) if letter.state == DeadLetterState::Open && !died_again => {
                    changes.push(ItemChange::to(item.letter, ItemState::Planned, ""));
                }
                // The event ended meanwhile: the next look determines its result.
                _ => changes.push(ItemChange::to(item.letter, ItemState::Released, "")),
            }
        }
        self.change(engines, &changes, at_once).await?;
        self.publish(engines, marked, at_once).await
    }
}

fn releasing(letter: i64, died_at: Timestamp, now: Timestamp) -> ItemChange {
    ItemChange {
        died_at: Some(died_at),
        released_at: Some(now),
        ..ItemChange::to(letter, ItemState::Releasing, "")
    }
}
