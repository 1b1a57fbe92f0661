//! Erases what a tombstone covers, at once.

use uuid::Uuid;

use crate::difference::{Desired, desired};
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Affiliate, Graph, Kind, TrackedEvent};
use crate::resolution::Resolution;
use crate::stamp::Moment;
use crate::tombstones::Tombstones;
use crate::{Map, Text};

/// How old the search of an address with a tombstone may be and still count.
pub(crate) const SEARCH_IS_FRESH_FOR_MICROS: i64 = 3_600_000_000;

/// Erases what tombstones cover. Returns the covered events, whose payloads have to be erased.
pub fn erase(graph: &mut Graph, rules: &Rules) -> Vec<Uuid> {
    let tombstones = Tombstones::of(graph);
    if tombstones.is_empty() {
        return Vec::new();
    }
    let held_back = held_back(graph, &tombstones);
    for (digest, identifier) in &mut graph.identifiers {
        let Some(tombstone) = tombstones.on(*digest) else { continue };
        identifier.traits.retain(|_, stated| stated.stamp.time > tombstone);
        if identifier.stated_at.is_none_or(|stated| stated <= tombstone) && !held_back.contains(digest) {
            identifier.sealed = None;
            (identifier.refused, identifier.refused_at) = (None, None);
        }
    }
    forget_messages(graph, &tombstones);
    forget_delivered(graph, &tombstones, rules);
    let covered = |kept: &TrackedEvent| !kept.delete && tombstones.covers(kept.identifier, kept.stamp.time);
    graph.events.iter().filter(|kept| covered(kept)).map(|kept| kept.event).collect()
}

/// Removes messages and traits of covered claims and sightings. The times stay, because they pass tombstones on.
fn forget_messages(graph: &mut Graph, tombstones: &Tombstones) {
    for claim in &mut graph.claims {
        let (user, address) = (claim.user, claim.address);
        claim.beside.retain(|_, stated| !tombstones.covers_link(user, address, stated.stamp.time));
        claim
            .spans_mut()
            .for_each(|span| span.forget_messages(|time| tombstones.covers_link(user, address, time)));
    }
    for sighting in &mut graph.sightings {
        let (anonymous, with) = (sighting.anonymous, sighting.with);
        sighting.span.forget_messages(|time| tombstones.covers_link(anonymous, with, time));
    }
}

/// The addresses that a delete still needs: those to be searched for, and those of creates without an answer.
fn held_back(graph: &Graph, tombstones: &Tombstones) -> Vec<Digest> {
    let uncertain = graph.affiliates.iter().filter(|affiliate| affiliate.id.is_none());
    let mut held: Vec<Digest> = uncertain.map(|affiliate| affiliate.address).collect();
    held.extend(to_search_for(graph, tombstones));
    held
}

/// The addresses with a tombstone, named or inherited, at which an unknown affiliate may be. They include an address that becomes
/// known by a late claim, as long as its name is stored.
#[must_use]
pub fn to_search_for(graph: &Graph, tombstones: &Tombstones) -> Vec<Digest> {
    let addresses = graph.identifiers.iter().filter(|(_, identifier)| identifier.kind == Kind::Address);
    let unsearched = addresses.filter(|(digest, identifier)| {
        let Some(tombstone) = tombstones.on(**digest) else { return false };
        let fresh = |searched: Moment| searched.0 >= tombstone.0 - SEARCH_IS_FRESH_FOR_MICROS;
        // A search from before the last moment at which an affiliate may appear is repeated.
        let is_enough = identifier.searched_at.is_some_and(fresh) && !identifier.may_appear_later();
        !graph.has_affiliate_at(**digest) && !is_enough && identifier.sealed.is_some()
    });
    unsearched.map(|(digest, _)| *digest).collect()
}

/// Forgets the values that an affiliate near a tombstone was sent, except those that its person still states; the names of the
/// fields stay. The values are unknown then, so they are sent again, or emptied, if the affiliate ever belongs to a person again.
/// This uses the values that are wanted now, not the time of the delete, because an answer may bring erased values back, and a
/// delete that becomes known later may be older than the tombstones that exist.
fn forget_delivered(graph: &mut Graph, tombstones: &Tombstones, rules: &Rules) {
    // Values of a scrub name nobody, and stay known.
    let near = |affiliate: &Affiliate| {
        if affiliate.scrubbed {
            return false;
        }
        let payee_is_near = affiliate.payee.is_some_and(|payee| tombstones.on(payee).is_some());
        payee_is_near || tombstones.around(graph, affiliate.address).is_some()
    };
    let near: Vec<bool> = graph.affiliates.iter().map(near).collect();
    if !near.contains(&true) {
        return;
    }
    let resolution = Resolution::of(graph, tombstones, rules);
    let mut stated: Map<usize, Map<Text, Text>> = Map::new();
    for person in &resolution.persons {
        let bound = resolution.bound(graph, person);
        let index = graph.affiliates.iter().position(|affiliate| Some(affiliate) == bound);
        stated.extend(index.map(|index| (index, texts(desired(person, rules)))));
    }
    for (index, affiliate) in graph.affiliates.iter_mut().enumerate().filter(|(index, _)| near[*index]) {
        let stated = stated.get(&index);
        for (field, text) in affiliate.delivered.iter_mut().chain(&mut affiliate.shown) {
            let still_stated = stated.and_then(|fields| fields.get(field)) == text.as_ref();
            if !still_stated && text.as_deref() != Some("") {
                *text = None;
            }
        }
    }
}

/// Copies the texts out of the graph, which is about to change.
fn texts(desired: Desired<'_>) -> Map<Text, Text> {
    desired.fields.into_iter().map(|(field, text)| (field.into(), text.into())).collect()
}
