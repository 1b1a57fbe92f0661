//! Folding a batch: from what was gathered and what the envelopes ask for to what is recorded. Pure but for the clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use connections::ConnectionId;
use jiff::Timestamp;
use ledger::{
    Changes, DeadLetter, Gathered, KnownEvent, NewEvent, Outcome, Row, Save, State, Stray, Unmapped,
};
use people::Digest;
use people::fold::{Deletion, Statement, delete, entomb, forgive, identify, merge};
use people::graph::Graph;
use people::needs::{CUSTOM, Rules};
use people::plan::{Act, Step};
use people::tombs::Tombs;
use uuid::Uuid;

use super::read::{Reading, What};
use crate::Worker;
use crate::settle::settle_save;
use crate::translate::Ask;

/// At most so many identifiers hang together: beyond it a userId or an address is not one person's, but a placeholder that
/// many share, and must not slow down everybody else.
const MAX_IDENTIFIERS: usize = 500;

/// A batch, folded.
#[derive(Default)]
pub(crate) struct Folded {
    /// What is recorded.
    pub(crate) changes: Changes,
    /// The steps of those of the saved graphs, by their places, that need nothing but edits, none of which has failed
    /// before: they can be told before anything is recorded.
    pub(crate) edits: Vec<(usize, Vec<Step>)>,
}

/// A graph in hand.
struct Slot {
    row: Option<Row>,
    graph: Graph,
    indexed: BTreeSet<Digest>,
    touched: bool,
}

/// The graphs in hand, by the identifiers that they hold.
#[derive(Default)]
struct Hand {
    slots: Vec<Option<Slot>>,
    slot_of: HashMap<Digest, usize>,
    dissolved: Vec<Row>,
}

/// Folds a batch. `gathered.known` counts only if it was asked for.
pub(super) fn fold(
    worker: &Worker,
    connection: ConnectionId,
    rules: &Rules,
    readings: &[Reading],
    gathered: Gathered,
    unasked: bool,
) -> Folded {
    let now = worker.now();
    let mut changes = Changes { connection, unasked, ..Changes::default() };
    let mut known = gathered.known;
    let mut hand = Hand::of(gathered.graphs);
    for reading in readings {
        let before = known.insert(reading.event, KnownEvent { state: State::Pending, outcomes: 0 });
        let died = before.filter(|before| reading.replay && before.state == State::Dead);
        if before.is_some() && died.is_none() {
            // Settled once more all the same: the settings may have changed since it was recorded.
            hand.touch(&reading.names());
            continue;
        }
        if before.is_none() {
            changes.events.push(new_event(reading));
        }
        take_in(&mut hand, &mut changes, reading, died.map(|before| before.outcomes), now);
        count_unmapped(&mut changes, rules, reading);
    }
    let edits = hand.finish(worker, rules, now, &mut changes);
    Folded { changes, edits }
}

fn new_event(reading: &Reading) -> NewEvent {
    NewEvent {
        event: reading.event,
        message_id: reading.message_id.clone(),
        kind: reading.kind.to_owned(),
        received_at: reading.received_at,
        lane: reading.lane,
        payload: Arc::clone(&reading.payload),
        found_by: reading.found_by.clone(),
    }
}

/// How many outcomes an event has had that had died, and an operator wants tried once more; `None`: it is new.
type Again = Option<u32>;

/// Takes an event in.
fn take_in(hand: &mut Hand, changes: &mut Changes, reading: &Reading, again: Again, now: Timestamp) {
    let skip = |why| outcome(reading, 1 + again.unwrap_or(0), State::Skipped, why, now);
    match &reading.what {
        What::Ask(Ask::Skip) => end(changes, reading, skip("integrations_say_no"), again),
        What::NoConnection => end(changes, reading, skip("connection_removed"), again),
        What::Bad(class, cause) => bury(changes, reading, class, cause, again, now),
        What::Ask(Ask::Delete(deletion)) => match hand.join(&deletion.digests()) {
            Some(slot) => {
                delete(&mut slot.graph, deletion);
                reopen(changes, slot, reading, again);
            }
            None => delete_apart(hand, changes, reading, deletion, again),
        },
        What::Ask(Ask::Say(statement)) => {
            let names = statement.digests();
            let shared = names.len() > 1 && hand.is_too_large(&names);
            // An anonymousId that everybody shares is nobody's: the event goes on without it.
            let alone = shared.then(|| Statement { anonymous: None, ..statement.as_ref().clone() });
            let statement = alone.as_ref().unwrap_or(statement);
            match hand.join(&statement.digests()) {
                Some(slot) => {
                    if again.is_some() {
                        let address = statement.address.as_ref().map(|(name, _)| name.digest);
                        forgive(&mut slot.graph, &statement.stamp, address);
                    }
                    identify(&mut slot.graph, statement);
                    reopen(changes, slot, reading, again);
                }
                None => bury(changes, reading, "too_many_identifiers", TOO_MANY, again, now),
            }
        }
    }
}

/// An event ends without any graph; nobody has to look at the letter of one that had died.
fn end(changes: &mut Changes, reading: &Reading, outcome: Outcome, again: Again) {
    changes.outcomes.push(outcome);
    if again.is_some() {
        changes.resolved.push(reading.event);
    }
}

/// A delete links nothing, so it is carried out wherever its names are, also where these are too many to hang together.
/// The graph of the strongest one keeps the event.
fn delete_apart(
    hand: &mut Hand,
    changes: &mut Changes,
    reading: &Reading,
    deletion: &Deletion,
    again: Again,
) {
    for (nth, part) in deletion.by_name().iter().enumerate() {
        match hand.join(&part.digests()) {
            Some(slot) if nth == 0 => {
                delete(&mut slot.graph, part);
                reopen(changes, slot, reading, again);
            }
            Some(slot) => entomb(&mut slot.graph, part),
            None => {}
        }
    }
}

/// An event that died is pending again. A graph that does not know it, or not any more, has not counted how often.
fn reopen(changes: &mut Changes, slot: &mut Slot, reading: &Reading, again: Again) {
    let Some(outcomes) = again else { return };
    changes.reopened.push(reading.event);
    let kept = slot.graph.events.iter_mut().find(|kept| kept.event == reading.event);
    if let Some(kept) = kept {
        kept.outcomes = kept.outcomes.max(outcomes);
    }
}

const TOO_MANY: &str = "this userId or email is used together with more than 500 others, so it cannot be one \
    person's: correct the source that sends a placeholder, then replay";

fn outcome(reading: &Reading, number: u32, state: State, reason: &str, at: Timestamp) -> Outcome {
    Outcome { event: reading.event, number, state, reason: Some(reason.to_owned()), affiliate: None, at }
}

/// The event dies. One that had died already stays dead, with a new cause.
fn bury(changes: &mut Changes, reading: &Reading, class: &str, cause: &str, again: Again, now: Timestamp) {
    if again.is_none() {
        changes.outcomes.push(outcome(reading, 1, State::Dead, class, now));
    }
    let named = reading.found_by.clone();
    changes.strays.push(Stray { event: reading.event, named, said_at: reading.said_at });
    changes.dead_letters.push(DeadLetter {
        event: reading.event,
        class: class.to_owned(),
        cause: cause.to_owned(),
        http_status: None,
        field: None,
        attempts: 0,
        died_at: now,
    });
}

fn count_unmapped(changes: &mut Changes, rules: &Rules, reading: &Reading) {
    for (key, spelling) in &reading.spellings {
        if rules.is_mapped(&format!("{CUSTOM}{key}")) {
            continue;
        }
        match changes.unmapped.iter_mut().find(|row| row.key == *key) {
            Some(row) => row.events += 1,
            None => {
                changes.unmapped.push(Unmapped { key: key.clone(), spelling: spelling.clone(), events: 1 })
            }
        }
    }
}

impl Hand {
    fn of(graphs: Vec<ledger::GraphRow>) -> Self {
        let mut hand = Self::default();
        for row in graphs {
            let indexed: BTreeSet<Digest> = row.graph.identifiers.keys().copied().collect();
            hand.slot_of.extend(indexed.iter().map(|digest| (*digest, hand.slots.len())));
            let slot = Slot { row: Some(row.row), graph: row.graph, indexed, touched: false };
            hand.slots.push(Some(slot));
        }
        hand
    }

    /// The graphs of these identifiers are to be settled.
    fn touch(&mut self, digests: &[Digest]) {
        for slot in digests.iter().filter_map(|digest| self.slot_of.get(digest)) {
            if let Some(slot) = &mut self.slots[*slot] {
                slot.touched = true;
            }
        }
    }

    /// The slots that hold any of these identifiers, each once.
    fn slots_of(&self, digests: &[Digest]) -> Vec<usize> {
        let mut slots: Vec<usize> =
            digests.iter().filter_map(|digest| self.slot_of.get(digest)).copied().collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Whether too many identifiers would hang together if these did.
    fn is_too_large(&self, digests: &[Digest]) -> bool {
        let slots = self.slots_of(digests);
        let new = digests.iter().filter(|digest| !self.slot_of.contains_key(digest)).count();
        let held = slots.iter().filter_map(|slot| self.slots[*slot].as_ref());
        let held: usize = held.map(|slot| slot.graph.identifiers.len()).sum();
        (new > 0 || slots.len() > 1) && held + new > MAX_IDENTIFIERS
    }

    /// The one slot of all these identifiers, joined if need be; `None` where it would grow too large.
    fn join(&mut self, digests: &[Digest]) -> Option<&mut Slot> {
        if self.is_too_large(digests) {
            return None;
        }
        let slots = self.slots_of(digests);
        let into = match slots.first() {
            Some(first) => *first,
            None => {
                self.slots.push(Some(Slot {
                    row: None,
                    graph: Graph::default(),
                    indexed: BTreeSet::new(),
                    touched: true,
                }));
                self.slots.len() - 1
            }
        };
        for other in slots.into_iter().skip(1) {
            self.pour(other, into);
        }
        self.slot_of.extend(digests.iter().map(|digest| (*digest, into)));
        let slot = self.slots[into].as_mut()?;
        slot.touched = true;
        Some(slot)
    }

    fn pour(&mut self, from: usize, into: usize) {
        let Some(other) = self.slots[from].take() else { return };
        for slot in self.slot_of.values_mut().filter(|slot| **slot == from) {
            *slot = into;
        }
        let Some(target) = self.slots[into].as_mut() else { return };
        match (target.row, other.row) {
            (None, row) => {
                target.row = row;
                target.indexed = other.indexed;
            }
            // What was indexed under the other row has to be indexed under this one.
            (Some(_), Some(gone)) => self.dissolved.push(gone),
            (Some(_), None) => {}
        }
        merge(&mut target.graph, other.graph);
    }

    /// Settles what was touched, and returns the edits that can be told at once.
    fn finish(
        self,
        worker: &Worker,
        rules: &Rules,
        now: Timestamp,
        changes: &mut Changes,
    ) -> Vec<(usize, Vec<Step>)> {
        changes.dissolved = self.dissolved;
        // A stray that a tombstone covers already, also in a graph that nothing else touches, has come too late to be kept.
        let has_strays = !changes.strays.is_empty();
        for slot in self.slots.iter().flatten().filter(|slot| slot.touched || has_strays) {
            changes.tombstones.extend(Tombs::of(&slot.graph).all());
        }
        let mut edits = Vec::new();
        for slot in self.slots.into_iter().flatten().filter(|slot| slot.touched) {
            let new = slot.graph.identifiers.keys().filter(|digest| !slot.indexed.contains(digest)).copied();
            let new_digests = new.collect();
            let mut save =
                Save { row: slot.row, graph: slot.graph, new_digests, work: None, dirty: 0, waiting: 0 };
            let steps = settle_save(changes, &mut save, rules, now, worker.limits.bulk_waits);
            if can_be_told_at_once(&save, &steps) {
                edits.push((changes.saves.len(), steps));
            }
            changes.saves.push(save);
        }
        edits
    }
}

/// A graph that nobody has stored could not be found again by an open call about it.
fn can_be_told_at_once(save: &Save, steps: &[Step]) -> bool {
    let tried = |step: &Step| save.graph.troubles.contains_key(&step.anchor);
    let is_edit = |step: &Step| matches!(step.act, Act::Edit { .. });
    save.row.is_some() && !steps.is_empty() && steps.iter().all(|step| is_edit(step) && !tried(step))
}

/// Counts what a recorded batch ended.
pub(super) fn count(worker: &Worker, readings: &[Reading], ends: &[(Uuid, State)]) {
    let came: BTreeMap<_, _> = readings.iter().map(|reading| (reading.event, reading)).collect();
    for (event, state) in ends {
        worker.meters.outcome(state.word());
        if let Some(reading) = came.get(event) {
            let took = worker.now().duration_since(reading.received_at);
            worker.meters.settled(reading.lane, Duration::try_from(took).unwrap_or_default());
        }
    }
}
