//! Decides the outcomes of events that Refersion accepted, or that needed no call. No other code does.

mod event_outcome;
mod last_stated;
mod not_sent;
mod sent_to;
mod words;

use uuid::Uuid;

use crate::Text;
use crate::audiences::{self, Counted};
use crate::bounds::{Bounds, Shed, shed_events, shed_values};
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::erase::erase;
use crate::graph::{EventState, Graph, Lane, TrackedEvent};
use crate::payout::{self, Review};
use crate::plan::{Analysis, Step, StepKind};
use crate::resolution::{Person, Wait};
use crate::stamp::Moment;
use event_outcome::{Decision, KNOWN, cause_stands, decide};
use last_stated::LastStated;

pub use event_outcome::MATCHED_NOBODY;
pub use words::{unmapped, waits_for};

/// Maximum number of dead events that a graph keeps although nothing of them counts any more, so that a delete finds their
/// payloads. Older ones lose their payloads early.
const DEAD_KEPT: usize = 100;

/// The outcome of an event, other than dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A create sent a part of it.
    Created,
    /// An edit sent a part of it.
    Updated,
    /// The delete was carried out.
    Deleted,
    /// Refersion had all of it already, or nothing of it is mapped.
    Unchanged,
    /// A newer statement replaces it.
    Superseded,
    /// Kept; its person waits.
    Remembered,
}

/// An event that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The event.
    pub event: Uuid,
    /// The number of this outcome.
    pub number: u32,
    /// The outcome.
    pub end: End,
    /// The reason, as a fixed word or a short text without personal data.
    pub reason: Option<String>,
    /// The affiliate concerned.
    pub affiliate: Option<(Option<u64>, Option<String>)>,
    /// Values of the event that could not be used, each with its reason.
    pub unusable: Option<Text>,
    /// Whether Refersion has what the event stated; for an event that was dead, the value that caused that.
    pub delivered: bool,
}

/// The next work of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// The lane.
    pub lane: Lane,
    /// The kind of call.
    pub step: StepKind,
    /// The earliest time; `None`: at once.
    pub due_at: Option<Moment>,
}

/// The result of settling a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Events that ended now.
    pub ended: Vec<Ended>,
    /// Events of which nothing personal may remain.
    pub erased: Vec<Uuid>,
    /// Replayed events that are finished without Refersion having their values.
    pub discarded: Vec<Uuid>,
    /// The next work, if there is any.
    pub next: Option<Next>,
    /// Every step that removes a difference; affiliates and persons without a step have none.
    pub steps: Vec<Step>,
    /// Number of persons and identifiers that wait.
    pub waiting: u32,
    /// Affiliates (by index in the graph) for which it changed whether the payout field is held back, and whether it is now.
    /// The caller notes it in `held_since`.
    pub holds: Vec<(usize, bool)>,
    /// Affiliates (by index in the graph) whose stuck fields changed, and these fields. The caller notes them in `stuck`.
    pub stuck: Vec<(usize, Vec<Text>)>,
    /// Values that were refused because they exceed a bound.
    pub shed: Shed,
    /// The graph's contribution to the counts of audiences.
    pub audiences: Counted,
}

impl Settled {
    /// Number of affiliates and persons that differ from what Refersion has.
    #[must_use]
    pub fn dirty(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }
}

/// Erases what tombstones cover, decides the outcomes of events, and returns what the graph needs next.
pub fn settle(graph: &mut Graph, rules: &Rules) -> Settled {
    settle_within(graph, rules, &Bounds::STANDARD)
}

/// Settles a graph under bounds of the caller's choice.
pub fn settle_within(graph: &mut Graph, rules: &Rules, bounds: &Bounds) -> Settled {
    let mut settled = Settled { erased: erase(graph, rules), ..Settled::default() };
    settled.shed = shed_values(graph, rules, bounds);
    let analysis = Analysis::of(graph, rules);
    note(&mut settled, &analysis);
    let last_stated = LastStated::of(graph);
    let decided = |kept| (decide(&analysis, &last_stated, kept), cause_stands(&analysis, kept));
    let decisions: Vec<(Decision, bool)> = graph.events.iter().map(decided).collect();
    let reviews = payout::review(&analysis);
    settled.steps = analysis.steps;
    settled.holds = note_payees(graph, &reviews);
    settled.stuck = changed_stuck(graph, reviews);
    let (mut left, mut replaced) = (Vec::new(), Vec::new());
    for (mut kept, (decision, cause_stands)) in std::mem::take(&mut graph.events).into_iter().zip(decisions) {
        match decision {
            Decision::Stay => left.push(kept),
            Decision::Replaced => replaced.push(kept),
            Decision::Forget if kept.outcomes > 1 => settled.discarded.push(kept.event),
            Decision::Forget => {}
            Decision::End { end, reason, affiliate } => {
                let delivered = cause_stands && is_delivered(end, reason.as_deref());
                let number = kept.outcomes + 1;
                kept.outcomes = number;
                let (event, unusable) = (kept.event, kept.unusable.clone());
                settled.ended.push(Ended { event, number, end, reason, affiliate, unusable, delivered });
                if end == End::Remembered {
                    left.push(TrackedEvent { state: EventState::Remembered, ..kept });
                }
            }
        }
    }
    replaced.sort_by(|one, other| other.stamp.cmp(&one.stamp));
    settled.erased.extend(replaced.drain(DEAD_KEPT.min(replaced.len())..).map(|kept| kept.event));
    left.append(&mut replaced);
    let (refused, forgotten) = shed_events(&mut left, bounds);
    settled.shed.refused.extend(refused);
    settled.erased.extend(forgotten);
    graph.events = left;
    graph.sort();
    settled
}

/// Notes the results that follow from the analysis alone.
fn note(settled: &mut Settled, analysis: &Analysis<'_>) {
    settled.next = next(analysis);
    settled.waiting = waiting(analysis);
    settled.audiences = audiences::count(analysis);
}

/// Whether Refersion has what an event stated. An event that was replaced, that waits or that nothing maps has an outcome as well,
/// although its values are not there.
fn is_delivered(end: End, reason: Option<&str>) -> bool {
    match end {
        End::Created | End::Updated | End::Deleted => true,
        End::Unchanged => reason == Some(KNOWN),
        End::Superseded | End::Remembered => false,
    }
}

fn note_payees(graph: &mut Graph, reviews: &[Review]) -> Vec<(usize, bool)> {
    let mut holds = Vec::new();
    for (place, (affiliate, review)) in graph.affiliates.iter_mut().zip(reviews).enumerate() {
        affiliate.payee = review.payee;
        if affiliate.held_since.is_some() != review.held_back {
            holds.push((place, review.held_back));
        }
    }
    holds
}

fn changed_stuck(graph: &Graph, reviews: Vec<Review>) -> Vec<(usize, Vec<Text>)> {
    let all = graph.affiliates.iter().zip(reviews).enumerate();
    let changed = all.filter(|(_, (affiliate, review))| affiliate.stuck != review.stuck);
    changed.map(|(place, (_, review))| (place, review.stuck)).collect()
}

fn next(analysis: &Analysis<'_>) -> Option<Next> {
    let retry = |anchor: Digest| analysis.graph.retries.get(&anchor);
    let open = analysis.steps.iter().filter(|step| !retry(step.anchor).is_some_and(|retry| retry.given_up));
    let due = |step: &&Step| (retry(step.anchor).map(|retry| retry.due_at), step.kind());
    let step = open.min_by_key(due)?;
    let live =
        analysis.graph.events.iter().any(|kept| kept.state == EventState::Pending && kept.lane == Lane::Live);
    Some(Next {
        lane: if live { Lane::Live } else { Lane::Bulk },
        step: step.kind(),
        due_at: retry(step.anchor).map(|retry| retry.due_at),
    })
}

/// Erased persons do not count as waiting: only their digests remain. Shared identifiers do not count either.
fn waiting(analysis: &Analysis<'_>) -> u32 {
    let erased = |digest: &Digest| {
        analysis.graph.identifiers.get(digest).is_none_or(|identifier| identifier.sealed.is_none())
    };
    let without = |person: &&Person<'_>| {
        let idle = !analysis.steps.iter().any(|step| person.has(step.anchor));
        idle && !person.profiles.iter().all(erased)
            && analysis.resolution.bound(analysis.graph, person).is_none()
    };
    let persons = analysis.resolution.persons.iter().filter(without).count();
    let waits = |(digest, wait): &(&Digest, &Wait)| !erased(digest) && **wait != Wait::Shared;
    let others = analysis.resolution.waits.iter().filter(waits).count();
    u32::try_from(persons + others).unwrap_or(u32::MAX)
}
