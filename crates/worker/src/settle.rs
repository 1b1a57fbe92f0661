//! Settles a graph that is about to be written: the outcomes of its events, and the steps that it needs next.

use std::time::Duration;

use identity::Text;
use identity::audiences::Counted;
use identity::eligibility::Rules;
use identity::graph::Lane;
use identity::plan::Step;
use identity::settle::{End, Ended, MATCHED_NOBODY, Settled, settle};
use jiff::{SignedDuration, Timestamp};
use ledger::unmapped::UNMATCHED;
use ledger::{AffiliateRef, Changes, GraphRow, Outcome, Save, State, Unmapped, Work};

use crate::payout::note_holds;
use crate::refused::note_refused;

/// A graph as it was read, to be settled before it is written.
pub(crate) fn unsettled(read: GraphRow) -> Save {
    Save {
        row: Some(read.row),
        graph: read.graph,
        counted: read.counted,
        new_digests: Vec::new(),
        work: None,
        dirty: 0,
        waiting: 0,
    }
}

/// Settles a graph; returns the steps that it needs. Work of the bulk lane is delayed by `bulk_waits`, so that calls fill up.
pub(crate) fn settle_save(
    changes: &mut Changes,
    save: &mut Save,
    rules: &Rules,
    now: Timestamp,
    bulk_waits: Duration,
) -> Vec<Step> {
    let mut settled = settle(&mut save.graph, rules);
    changes.erased.extend(&settled.erased);
    changes.discarded.extend(&settled.discarded);
    note_refused(changes, std::mem::take(&mut settled.shed), now);
    let newest = settled.ended.iter().filter(|ended| ended.delivered).map(|ended| ended.event).max();
    for ended in &settled.ended {
        changes.outcomes.push(outcome_of(ended, now));
        if ended.number > 1 {
            if ended.delivered {
                changes.resolved.push(ended.event);
                // Ids are in the order of acceptance; events that end together were sent together.
                let newer = newest.filter(|newest| *newest > ended.event);
                changes.resolved_by.extend(newer.map(|newer| (ended.event, newer)));
            } else if ended.end != End::Remembered {
                // A remembered event may still be delivered.
                changes.discarded.push(ended.event);
            }
        }
        if ended.reason.as_deref() == Some(MATCHED_NOBODY) {
            note_unmatched(changes);
        }
    }
    note_holds(changes, save, &settled.holds, now);
    note_stuck(changes, save, std::mem::take(&mut settled.stuck));
    note_counted(changes, save, rules, std::mem::take(&mut settled.audiences));
    save.work = work_of(&settled, now, bulk_waits);
    save.dirty = settled.dirty();
    save.waiting = settled.waiting;
    settled.steps
}

/// Notes the stuck fields of affiliates, in the graph and the counts.
fn note_stuck(changes: &mut Changes, save: &mut Save, stuck: Vec<(usize, Vec<Text>)>) {
    for (place, fields) in stuck {
        let before = std::mem::replace(&mut save.graph.affiliates[place].stuck, fields);
        let after = &save.graph.affiliates[place].stuck;
        for (field, change) in before.iter().map(|it| (it, -1)).chain(after.iter().map(|it| (it, 1))) {
            *changes.stuck.entry(field.to_string()).or_default() += change;
        }
    }
}

/// Notes what the graph now contributes to the counts of audiences. Audiences that this process does not know yet stay as they are.
fn note_counted(changes: &mut Changes, save: &mut Save, rules: &Rules, counted: Counted) {
    if counted != save.counted {
        let counted = counted.with_unknown_of(&save.counted, rules);
        changes.count(&save.counted, &counted);
        save.counted = counted;
    }
}

/// An outcome as the ledger stores it.
fn outcome_of(ended: &Ended, at: Timestamp) -> Outcome {
    let state = match ended.end {
        End::Created => State::Created,
        End::Updated => State::Updated,
        End::Deleted => State::Deleted,
        End::Unchanged => State::Unchanged,
        End::Superseded => State::Superseded,
        End::Remembered => State::Remembered,
    };
    let affiliate = ended.affiliate.clone().map(|(id, code)| AffiliateRef { id, code });
    Outcome { event: ended.event, number: ended.number, state, reason: reason_of(ended), affiliate, at }
}

/// The reason in words, with the values that were left out.
fn reason_of(ended: &Ended) -> Option<String> {
    let left_out = ended.unusable.as_deref().map(|unusable| format!("left out: {unusable}"));
    let reasons: Vec<String> = ended.reason.clone().into_iter().chain(left_out).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// Counts a delete of a person without stored data.
fn note_unmatched(changes: &mut Changes) {
    match changes.unmapped.iter_mut().find(|row| row.key == UNMATCHED) {
        Some(row) => row.events += 1,
        None => changes.unmapped.push(Unmapped::counted(UNMATCHED.into(), 1)),
    }
}

/// When the graph is due: at once, or at the time of its retry state; bulk work is delayed so that calls fill up.
fn work_of(settled: &Settled, now: Timestamp, bulk_waits: Duration) -> Option<Work> {
    let next = settled.next?;
    let wait = if next.lane == Lane::Bulk {
        SignedDuration::try_from(bulk_waits).unwrap_or_default()
    } else {
        SignedDuration::ZERO
    };
    let due_at = next.due_at.map_or(now + wait, Timestamp::from);
    Some(Work { lane: next.lane, step: next.step, due_at })
}
