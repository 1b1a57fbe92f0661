//! Folds a batch: applies its events to the gathered graphs, and returns the changes to record. No IO; reads the clock and counts
//! metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use connections::ConnectionId;
use identity::eligibility::Rules;
use identity::fold::{Deletion, Statement, apply_tombstones, clear_refusals, delete, identify};
use identity::plan::Step;
use identity::shared::SHARED;
use jiff::Timestamp;
use ledger::{Changes, DeadLetter, Gathered, KnownEvent, NewEvent, OrphanedDeadLetter, Outcome, State};
use uuid::Uuid;

use super::graph_set::{GraphSet, Slot};
use super::left_out;
use super::names::Tally;
use super::read::{Content, Reading};
use super::shared::{self, leave_out_shared};
use super::too_long::{too_long, weight};
use crate::Worker;
use crate::refused::{TOO_LARGE, note_refused};
use crate::translate::Action;

/// A batch, folded.
#[derive(Default)]
pub(crate) struct Folded {
    /// The changes to record.
    pub(crate) changes: Changes,
    /// Index and steps of each saved graph that needs only edits, none of which has failed before: they can be sent before
    /// anything is recorded.
    pub(crate) edits: Vec<(usize, Vec<Step>)>,
}

/// Folds a batch. `gathered.known` is empty if the events were assumed to be new and not looked up.
pub(super) fn fold(
    worker: &Worker,
    connection: ConnectionId,
    rules: &Rules,
    readings: &[Reading],
    gathered: Gathered,
) -> Folded {
    let now = worker.now();
    let mut changes = Changes { connection, now, ..Changes::default() };
    let mut unmapped = Tally::default();
    let mut left_out = left_out::Tally::default();
    let mut known = gathered.known;
    let directory = gathered.directory;
    let mut graphs = GraphSet::of(gathered.graphs);
    for reading in readings {
        let before = known.insert(reading.event, KnownEvent { state: State::Pending, outcomes: 0 });
        let replayed = before.filter(|before| match before.state {
            State::Dead => reading.replay,
            // The queue delivered an earlier replay twice, and the second delivery folded an older revision again.
            State::Pending => reading.replay && graphs.lacks_revision(reading),
            _ => false,
        });
        if before.is_some() && replayed.is_none() {
            // Its graphs are settled again nevertheless: the settings may have changed since it was recorded.
            graphs.touch(&reading.names());
            continue;
        }
        if before.is_none() {
            changes.events.push(new_event(reading));
        }
        graphs.retract(reading);
        changes.orphans.extend(reading.under_former_names());
        let after = worker.limits.shared_after;
        fold_event(&mut graphs, &mut changes, FoldInput { reading, rules, replayed, now, after });
        unmapped.add(&reading.trait_names, rules);
        left_out.add(&reading.left_out);
    }
    changes.unmapped = unmapped.finish();
    changes.unmapped.extend(left_out.finish(&worker.meters, rules));
    changes.unmapped.extend(std::mem::take(&mut graphs.shared).finish(&worker.meters));
    let edits = graphs.finish(worker, (rules, &directory), now, &mut changes);
    let too_large = changes.dead_letters.iter().filter(|letter| letter.class == TOO_LARGE).count();
    worker.meters.too_large.fetch_add(too_large as u64, Ordering::Relaxed);
    Folded { changes, edits }
}

fn new_event(reading: &Reading) -> NewEvent {
    NewEvent {
        event: reading.event,
        kind: reading.kind.to_owned(),
        received_at: reading.received_at,
        lane: reading.lane,
        payload: Arc::clone(&reading.payload),
        found_by: reading.found_by.clone(),
    }
}

/// The former state of a dead or repaired event that an operator replays; `None`: the event is new.
pub(super) type Replayed = Option<KnownEvent>;

/// An event to fold, and everything that decides how.
#[derive(Clone, Copy)]
pub(super) struct FoldInput<'f> {
    pub(super) reading: &'f Reading,
    pub(super) rules: &'f Rules,
    pub(super) replayed: Replayed,
    pub(super) now: Timestamp,
    /// Maximum number of identifiers that one identifier links.
    pub(super) after: usize,
}

/// Folds one event.
pub(super) fn fold_event(graphs: &mut GraphSet, changes: &mut Changes, input: FoldInput<'_>) {
    let FoldInput { reading, rules, replayed, now, .. } = input;
    let skip = |why| outcome(reading, next_number(replayed), State::Skipped, why, now);
    match &reading.content {
        Content::Action(Action::Skip(why)) => end(changes, reading, skip(why), replayed),
        Content::NoConnection => end(changes, reading, skip("connection_removed"), replayed),
        Content::Bad(class, cause) => dead_letter(changes, reading, class, cause, replayed),
        Content::Action(Action::Delete(deletion)) => fold_delete(graphs, changes, deletion, input),
        Content::Action(Action::Identify(statement)) => {
            match leave_out_shared(graphs, statement, input.after, rules) {
                Some(statement) => fold_identify(graphs, changes, &statement, input),
                None => {
                    graphs.forget(&reading.names(), reading.event);
                    end(changes, reading, skip(SHARED), replayed);
                }
            }
        }
    }
}

fn fold_identify(graphs: &mut GraphSet, changes: &mut Changes, statement: &Statement, input: FoldInput<'_>) {
    let FoldInput { reading, rules, replayed, after, .. } = input;
    let names = statement.digests();
    let alone = names.len() > 1 && statement.anonymous.is_some() && graphs.has_no_room_for_anonymous(&names);
    // If there is no room for the anonymousId, the event is processed without it.
    let alone = alone.then(|| Statement { anonymous: None, ..statement.clone() });
    let statement = alone.as_ref().unwrap_or(statement);
    let names = statement.digests();
    match graphs.join(&names) {
        Some(slot) => fold_statement(slot, changes, statement, input),
        None => return dead_letter(changes, reading, "too_many_identifiers", TOO_MANY, replayed),
    }
    graphs.split(&names, after, rules);
}

/// Applies a delete. A delete links no identifiers, so it is applied to each graph of its identifiers, even if together they would
/// exceed one graph. The graph of its strongest identifier keeps the event. A shared identifier does not pass its tombstone on, so a
/// delete that names one covers that identifier alone.
fn fold_delete(graphs: &mut GraphSet, changes: &mut Changes, deletion: &Deletion, input: FoldInput<'_>) {
    let FoldInput { reading, rules, replayed, after, .. } = input;
    graphs.split(&deletion.digests(), after, rules);
    let (linking, apart) = deletion.divide(|name| graphs.is_shared(name));
    let names = linking.digests();
    let is_together = !names.is_empty() && !graphs.is_too_large(&names);
    let mut parts = if is_together { vec![linking] } else { linking.by_name() };
    parts.extend(apart.by_name());
    if let Some(first) = parts.first_mut() {
        first.unusable = shared::in_words(&apart);
    }
    for (nth, part) in parts.iter().enumerate() {
        match graphs.join(&part.digests()) {
            Some(slot) if nth == 0 => {
                delete(&mut slot.graph, part);
                reopen(changes, slot, reading, replayed);
            }
            Some(slot) => apply_tombstones(&mut slot.graph, part),
            None => {}
        }
    }
}

/// Folds a statement into its graph. If a value is too long, the event becomes a dead letter, and the graph does not keep it.
fn fold_statement(slot: &mut Slot, changes: &mut Changes, statement: &Statement, input: FoldInput<'_>) {
    let FoldInput { reading, rules, replayed, now, .. } = input;
    if replayed.is_some() {
        let address = statement.address.as_ref().map(|(name, _)| name.digest);
        clear_refusals(&mut slot.graph, reading.event, &statement.stamp, address);
    }
    changes.repeated.extend(identify(&mut slot.graph, statement));
    match too_long(reading, statement, rules) {
        Some(cause) => {
            slot.graph.forget(reading.event);
            dead_letter(changes, reading, TOO_LARGE, &cause, replayed);
        }
        None => reopen(changes, slot, reading, replayed),
    }
    let shed = slot.add_bytes(weight(statement), rules);
    note_refused(changes, shed, now);
}

/// Ends an event that is in no graph. If it was a dead letter, that is closed.
fn end(changes: &mut Changes, reading: &Reading, outcome: Outcome, replayed: Replayed) {
    changes.outcomes.push(outcome);
    if replayed.is_some() {
        changes.discarded.push(reading.event);
    }
}

/// Makes a dead event pending again. The graph may have dropped the event and its number of outcomes, so the number is restored.
fn reopen(changes: &mut Changes, slot: &mut Slot, reading: &Reading, replayed: Replayed) {
    let Some(KnownEvent { outcomes, .. }) = replayed else { return };
    changes.reopened.push(reading.event);
    if let Some(kept) = slot.graph.event_mut(reading.event) {
        kept.outcomes = kept.outcomes.max(outcomes);
    }
}

fn next_number(replayed: Replayed) -> u32 {
    1 + replayed.map_or(0, |before| before.outcomes)
}

const TOO_MANY: &str = "this event would link more than 500 identifiers, or add to more than 2,000 links, and none of \
    them links very many others, so they cannot be one person's: correct the source, then replay";

fn outcome(reading: &Reading, number: u32, state: State, reason: &str, at: Timestamp) -> Outcome {
    Outcome { event: reading.event, number, state, reason: Some(reason.to_owned()), affiliate: None, at }
}

/// Makes the event a dead letter. If it is one already, it gets the new cause.
fn dead_letter(changes: &mut Changes, reading: &Reading, class: &str, cause: &str, replayed: Replayed) {
    let now = changes.now;
    if replayed.is_none_or(|before| before.state == State::Pending) {
        changes.outcomes.push(outcome(reading, next_number(replayed), State::Dead, class, now));
    }
    let named = reading.found_by.clone();
    changes.orphans.push(OrphanedDeadLetter { event: reading.event, named, stated_at: reading.stated_at });
    changes.dead_letters.push(DeadLetter {
        event: reading.event,
        class: class.to_owned(),
        cause: cause.to_owned(),
        http_status: None,
        field: None,
        attempts: 0,
        died_at: now,
        person: reading.person(),
    });
}

/// Counts the outcomes of a recorded batch.
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

/// How the events of some changes end.
pub(crate) fn ends(changes: &Changes) -> Vec<(Uuid, State)> {
    changes.outcomes.iter().map(|outcome| (outcome.event, outcome.state)).collect()
}
