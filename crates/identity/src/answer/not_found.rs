//! Applies a search that found nobody, and what contradicts it.

use super::effect::take_uncertain;
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, RetryState};
use crate::plan;
use crate::resolution::Resolution;
use crate::stamp::Moment;
use crate::tombstones::Tombstones;

/// The wait after the first search in vain for an affiliate that may still appear, in microseconds; it doubles.
const FIRST_WAIT: i64 = 1_000_000;

/// The longest such wait, in microseconds.
const LONGEST_WAIT: i64 = 30_000_000;

/// Notes that no affiliate was found at the anchor. `retry` is the retry state of the anchor.
///
/// If a create had no answer, its attempts continue to count, because the next create may end in the same way. If a delete
/// covers the address, and an affiliate may still appear, it is searched for again.
pub(super) fn note(graph: &mut Graph, rules: &Rules, anchor: Digest, retry: Option<RetryState>, now: Moment) {
    let was_in_doubt = take_uncertain(graph, anchor).is_some();
    let Some(address) = graph.identifiers.get_mut(&anchor) else { return };
    address.searched_at = Some(now);
    let until = address.may_appear_until.filter(|until| *until > now);
    if let Some(until) = until.filter(|_| must_be_disabled(graph, rules, anchor)) {
        graph.retries.insert(anchor, look_again(retry, now, until));
    } else if let Some(retry) = retry.filter(|_| was_in_doubt) {
        graph.retries.insert(anchor, RetryState { due_at: now, ..retry });
    }
}

/// Whether an affiliate that appears at the anchor is to be disabled.
fn must_be_disabled(graph: &Graph, rules: &Rules, anchor: Digest) -> bool {
    let tombstones = Tombstones::of(graph);
    plan::must_be_disabled(graph, &Resolution::of(graph, &tombstones, rules), &tombstones, anchor)
}

fn look_again(retry: Option<RetryState>, now: Moment, until: Moment) -> RetryState {
    let (tried, since) = retry.map_or((0, now), |retry| (retry.attempts, retry.since));
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
