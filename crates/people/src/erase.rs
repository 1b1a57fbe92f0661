//! What a tombstone covers is erased at once.

use uuid::Uuid;

use crate::digest::Digest;
use crate::graph::{Graph, Identifier, Kind};
use crate::stamp::Moment;
use crate::tombs::Tombs;

/// How old a search may be and still speak for an address that a delete names.
const SEARCH_IS_FRESH_FOR_MICROS: i64 = 3_600_000_000;

/// Erases what tombstones cover. Returns the covered events: nothing of their payloads may remain.
pub fn erase(graph: &mut Graph, tombs: &Tombs) -> Vec<Uuid> {
    if tombs.is_empty() {
        return Vec::new();
    }
    let held_back = held_back(graph);
    for (digest, identifier) in &mut graph.identifiers {
        let Some(tomb) = tombs.on(*digest) else { continue };
        identifier.traits.retain(|_, said| said.stamp.time > tomb);
        if identifier.said_at.is_none_or(|said| said <= tomb) && !held_back.contains(digest) {
            identifier.sealed = None;
            identifier.refused = None;
        }
    }
    forget_what_was_told(graph, tombs);
    let covered = |kept: &crate::graph::Kept| !kept.delete && tombs.covers(kept.identifier, kept.stamp.time);
    graph.events.iter().filter(|kept| covered(kept)).map(|kept| kept.event).collect()
}

/// The addresses that a delete still needs: those to be searched for, and those of creates without an answer.
fn held_back(graph: &Graph) -> Vec<Digest> {
    let uncertain = graph.affiliates.iter().filter(|affiliate| affiliate.id.is_none());
    let mut held: Vec<Digest> = uncertain.map(|affiliate| affiliate.address).collect();
    held.extend(to_search_for(graph));
    held
}

/// The named addresses at which an affiliate unknown to us may be.
#[must_use]
pub fn to_search_for(graph: &Graph) -> Vec<Digest> {
    let unsearched = |(digest, identifier): (&Digest, &Identifier)| {
        let named = identifier.named?;
        let fresh = |searched: Moment| searched.0 >= named.0 - SEARCH_IS_FRESH_FOR_MICROS;
        let known = graph.affiliates.iter().any(|affiliate| affiliate.address == *digest);
        let searched = identifier.searched_at.is_some_and(fresh);
        let wanted = identifier.kind == Kind::Address && !known && !searched && identifier.sealed.is_some();
        wanted.then_some(*digest)
    };
    graph.identifiers.iter().filter_map(unsearched).collect()
}

/// Of what an affiliate was told before the delete, only the fields' names stay: their values are not known any more, so
/// they are told again, or emptied, should the affiliate ever speak for someone again.
fn forget_what_was_told(graph: &mut Graph, tombs: &Tombs) {
    let around: Vec<Option<Moment>> =
        graph.affiliates.iter().map(|affiliate| tombs.around(graph, affiliate.address)).collect();
    for (affiliate, tomb) in graph.affiliates.iter_mut().zip(around) {
        if tomb > affiliate.erased_for {
            affiliate.erased_for = tomb;
            affiliate.scrubbed = false;
            affiliate.told.values_mut().for_each(|told| *told = None);
        }
    }
}
