//! Failed calls: the events that they concern, and when to retry.

use uuid::Uuid;

use super::Cause;
use super::dead_events::{DeadEvent, mark_dead};
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{EventState, Graph, RetryState, TrackedEvent};
use crate::plan::Analysis;
use crate::stamp::Moment;

/// The pending events that a step about `anchor` serves: those of its person, and deletes if one waits for such a step.
#[must_use]
pub fn concerned_by(graph: &Graph, rules: &Rules, anchor: Digest) -> Vec<Uuid> {
    let analysis = Analysis::of(graph, rules);
    let mut steps = analysis.steps.iter().filter(|step| step.anchor == anchor);
    let deletes = steps.any(crate::plan::Step::serves_a_delete);
    let profiles =
        analysis.resolution.person(anchor).map(|person| person.profiles.clone()).unwrap_or_default();
    let concerned = |kept: &&TrackedEvent| match kept.delete {
        true => deletes,
        false => kept.identifier == anchor || profiles.contains(&kept.identifier),
    };
    let pending = graph.events.iter().filter(|kept| kept.state == EventState::Pending);
    pending.filter(concerned).map(|kept| kept.event).collect()
}

/// When to retry, and whether at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryDecision {
    /// The earliest time.
    pub due_at: Moment,
    /// Whether attempts and time are both used up.
    pub give_up: bool,
}

/// Notes that a step about `anchor` failed at a time because of `cause`. `decide` is given the number of attempts and the time of
/// the first.
pub fn fail(
    graph: &mut Graph,
    rules: &Rules,
    anchor: Digest,
    (now, cause): (Moment, &Cause),
    decide: impl FnOnce(u32, Moment) -> RetryDecision,
) -> Vec<DeadEvent> {
    let (tried, since) = graph.retries.get(&anchor).map_or((0, now), |retry| (retry.attempts, retry.since));
    let attempts = tried + 1;
    let decision = decide(attempts, since);
    let concerned = concerned_by(graph, rules, anchor);
    graph.retries.insert(
        anchor,
        RetryState {
            attempts,
            since,
            due_at: decision.due_at,
            class: cause.class.clone(),
            message: cause.message.clone(),
            given_up: decision.give_up,
        },
    );
    if !decision.give_up {
        return Vec::new();
    }
    mark_dead(graph, |kept| concerned.contains(&kept.event), cause, None, attempts)
}
