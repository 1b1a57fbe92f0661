//! Finds the affiliate that an event was sent to.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::graph::{Affiliate, Graph, TrackedEvent};
use crate::plan::Analysis;
use crate::resolution::Person;

/// Number of links that an affiliate may be away from an event that was sent to it: from an anonymousId to its user, and
/// from there to an address.
const LINKS: usize = 2;

/// The affiliate of an event's person. While a call was under way, another person may have taken over the address: then
/// the event belongs to no person, or to one whose own affiliate has no id yet. If a call has sent a part of the event,
/// there is an affiliate nevertheless, and the links of the event lead to it.
pub(super) fn sent_to<'g>(
    analysis: &Analysis<'g>,
    kept: &TrackedEvent,
    person: Option<&Person<'_>>,
) -> Option<&'g Affiliate> {
    let bound = person.and_then(|person| analysis.resolution.bound(analysis.graph, person));
    let known = bound.filter(|affiliate| affiliate.id.is_some());
    known.or_else(|| kept.sent_by.and_then(|_| nearest(analysis.graph, kept))).or(bound)
}

/// The nearest affiliate with an id: of several the one that was created for the event's own person.
fn nearest<'g>(graph: &'g Graph, kept: &TrackedEvent) -> Option<&'g Affiliate> {
    let mut near: BTreeSet<Digest> = kept.address.into_iter().chain([kept.identifier]).collect();
    for _ in 0..=LINKS {
        let is_payee = |it: &Affiliate| it.payee.is_some_and(|payee| near.contains(&payee));
        let all = graph.affiliates.iter().filter(|it| it.id.is_some());
        let linked = all.filter(|it| is_payee(it) || near.contains(&it.address));
        if let Some(found) = linked.max_by_key(|it| (is_payee(it), !it.gone, Reverse(it.id))) {
            return Some(found);
        }
        follow_links(graph, &mut near);
    }
    None
}

/// Adds the identifiers that claims and sightings link with those in `near`.
fn follow_links(graph: &Graph, near: &mut BTreeSet<Digest>) {
    let linked = |(one, other): (Digest, Digest)| match (near.contains(&one), near.contains(&other)) {
        (true, false) => Some(other),
        (false, true) => Some(one),
        _ => None,
    };
    let more: Vec<Digest> = graph.pairs().filter_map(linked).collect();
    near.extend(more);
}
