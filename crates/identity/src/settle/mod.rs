//! How events end. The one place where the outcome of an event that Refersion took, or did not need, is decided.

mod event_outcome;
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
use crate::plan::{Picture, Step, StepKind};
use crate::resolution::{Person, Wait};
use crate::stamp::Moment;
use event_outcome::{Fate, KNOWN, LastStated, cause_stands, fate};

pub use event_outcome::MATCHED_NOBODY;
pub use words::{unmapped, waits_for};

/// Dead events of one graph that are kept although nothing of them counts any more, so that a delete finds their
/// payloads. Older ones lose their payloads early.
const DEAD_KEPT: usize = 100;

/// How an event ended, dead ones apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A create told some of it.
    Created,
    /// An edit told some of it.
    Updated,
    /// The delete was carried out.
    Deleted,
    /// Refersion knew already, or nothing of it is mapped.
    Unchanged,
    /// Something newer had been said.
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
    /// How.
    pub end: End,
    /// Why, in a fixed word or a short text without personal data.
    pub reason: Option<String>,
    /// The affiliate concerned.
    pub affiliate: Option<(Option<u64>, Option<String>)>,
    /// Values of the event that could not be used, each with its reason.
    pub unusable: Option<Text>,
    /// Refersion holds what the event stated: the value that it died of, if it had died.
    pub delivered: bool,
}

/// What a graph needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// In which lane.
    pub lane: Lane,
    /// Which kind of call.
    pub step: StepKind,
    /// Not before this; `None` = at once.
    pub due_at: Option<Moment>,
}

/// What settling a graph found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Events that ended now.
    pub ended: Vec<Ended>,
    /// Events of which nothing personal may remain.
    pub erased: Vec<Uuid>,
    /// Replayed events of which nothing more can come, and which Refersion does not hold.
    pub put_aside: Vec<Uuid>,
    /// What is to be done next, if anything can be.
    pub next: Option<Next>,
    /// Every step that removes a difference; affiliates or persons without one are as Refersion knows them.
    pub steps: Vec<Step>,
    /// How many persons and identifiers wait.
    pub waiting: u32,
    /// By the place of an affiliate in the graph: whether its payout field is held back from now on, where that changed.
    /// The caller notes it in `held_since`.
    pub holds: Vec<(usize, bool)>,
    /// By the place of an affiliate in the graph: the fields that keep a value which has to go, where that changed. The
    /// caller notes it in `stuck`.
    pub stuck: Vec<(usize, Vec<Text>)>,
    /// What exceeds a bound and was refused.
    pub shed: Shed,
    /// What the graph adds to the counts of audiences.
    pub audiences: Counted,
}

impl Settled {
    /// How many affiliates or persons differ from what Refersion knows.
    #[must_use]
    pub fn dirty(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }
}

/// Erases what tombstones cover, ends every event that has come to rest, and says what the graph needs next.
pub fn settle(graph: &mut Graph, rules: &Rules) -> Settled {
    settle_within(graph, rules, &Bounds::STANDARD)
}

/// Settles a graph under bounds of the caller's choice.
pub fn settle_within(graph: &mut Graph, rules: &Rules, bounds: &Bounds) -> Settled {
    let mut settled = Settled { erased: erase(graph, rules), ..Settled::default() };
    settled.shed = shed_values(graph, rules, bounds);
    let picture = Picture::of(graph, rules);
    settled.next = next(&picture);
    settled.waiting = waiting(&picture);
    settled.audiences = audiences::count(&picture);
    let stated = LastStated::of(graph);
    let fates = graph.events.iter().map(|kept| (fate(&picture, &stated, kept), cause_stands(&picture, kept)));
    let fates: Vec<(Fate, bool)> = fates.collect();
    let reviews = payout::review(&picture);
    settled.steps = picture.steps;
    settled.holds = note_payees(graph, &reviews);
    settled.stuck = changed_stuck(graph, reviews);
    let (mut left, mut replaced) = (Vec::new(), Vec::new());
    for (mut kept, (fate, cause_stands)) in std::mem::take(&mut graph.events).into_iter().zip(fates) {
        match fate {
            Fate::Stay => left.push(kept),
            Fate::Replaced => replaced.push(kept),
            Fate::Forget if kept.outcomes > 1 => settled.put_aside.push(kept.event),
            Fate::Forget => {}
            Fate::End { end, reason, affiliate } => {
                kept.outcomes += 1;
                let number = kept.outcomes;
                let delivered = cause_stands && is_delivered(end, reason.as_deref());
                let unusable = kept.unusable.clone();
                settled.ended.push(Ended {
                    event: kept.event,
                    number,
                    end,
                    reason,
                    affiliate,
                    unusable,
                    delivered,
                });
                if end == End::Remembered {
                    left.push(TrackedEvent { standing: EventState::Remembered, ..kept });
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

/// Whether Refersion holds what an event stated: an event that was overruled, that waits or that nothing maps may have
/// ended, and its values are not there all the same.
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

fn next(picture: &Picture<'_>) -> Option<Next> {
    let trouble = |anchor: Digest| picture.graph.troubles.get(&anchor);
    let open =
        picture.steps.iter().filter(|step| !trouble(step.anchor).is_some_and(|trouble| trouble.given_up));
    let due = |step: &&Step| (trouble(step.anchor).map(|trouble| trouble.due_at), step.kind());
    let step = open.min_by_key(due)?;
    let live = picture
        .graph
        .events
        .iter()
        .any(|kept| kept.standing == EventState::Pending && kept.lane == Lane::Live);
    Some(Next {
        lane: if live { Lane::Live } else { Lane::Bulk },
        step: step.kind(),
        due_at: trouble(step.anchor).map(|trouble| trouble.due_at),
    })
}

/// Erased persons do not count as waiting: only their digests remain. Shared identifiers do not count either.
fn waiting(picture: &Picture<'_>) -> u32 {
    let erased = |digest: &Digest| {
        picture.graph.identifiers.get(digest).is_none_or(|identifier| identifier.sealed.is_none())
    };
    let without = |person: &&Person<'_>| {
        let idle = !picture.steps.iter().any(|step| person.has(step.anchor));
        idle && !person.profiles.iter().all(erased) && picture.who.bound(picture.graph, person).is_none()
    };
    let persons = picture.who.persons.iter().filter(without).count();
    let waits = |(digest, wait): &(&Digest, &Wait)| !erased(digest) && **wait != Wait::Shared;
    let others = picture.who.waits.iter().filter(waits).count();
    u32::try_from(persons + others).unwrap_or(u32::MAX)
}
