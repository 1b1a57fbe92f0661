//! Applies a search that found nobody, and what contradicts it.

use super::effect::take_uncertain;
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, RetryState};
use crate::plan;
use crate::resolution::Who;
use crate::stamp::Moment;
use crate::tombstones::Tombstones;

/// The wait after the first search in vain for an affiliate that may still appear, in microseconds; it doubles.
const FIRST_WAIT: i64 = 1_000_000;

/// The longest such wait, in microseconds.
const LONGEST_WAIT: i64 = 30_000_000;

/// Notes that no affiliate was found at the anchor. `trouble` is the retry state of the anchor.
///
/// If a create had no answer, its attempts continue to count, because the next create may end in the same way. If a delete
/// covers the address, and an affiliate may still appear, it is searched for again.
pub(super) fn note(
    graph: &mut Graph,
    rules: &Rules,
    anchor: Digest,
    trouble: Option<RetryState>,
    now: Moment,
) {
    let was_in_doubt = take_uncertain(graph, anchor).is_some();
    let Some(address) = graph.identifiers.get_mut(&anchor) else { return };
    address.searched_at = Some(now);
    let until = address.may_appear_until.filter(|until| *until > now);
    if let Some(until) = until.filter(|_| is_to_be_put_away(graph, rules, anchor)) {
        graph.troubles.insert(anchor, look_again(trouble, now, until));
    } else if let Some(trouble) = trouble.filter(|_| was_in_doubt) {
        graph.troubles.insert(anchor, RetryState { due_at: now, ..trouble });
    }
}

/// Whether an affiliate that appears at the anchor is to be disabled.
fn is_to_be_put_away(graph: &Graph, rules: &Rules, anchor: Digest) -> bool {
    let tombstones = Tombstones::of(graph);
    plan::is_to_be_put_away(graph, &Who::of(graph, &tombstones, rules), &tombstones, anchor)
}

fn look_again(trouble: Option<RetryState>, now: Moment, until: Moment) -> RetryState {
    let (tried, since) = trouble.map_or((0, now), |trouble| (trouble.attempts, trouble.since));
    let wait = FIRST_WAIT.saturating_mul(1 << tried.min(16)).min(LONGEST_WAIT);
    RetryState {
        attempts: tried.saturating_add(1),
        since,
        due_at: Moment(now.0.saturating_add(wait)).min(until),
        class: "may_appear".to_owned(),
        message: "a create had no answer, and its affiliate may still appear".to_owned(),
        given_up: false,
    }
}
