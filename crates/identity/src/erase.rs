//! What a tombstone covers is erased at once.

use uuid::Uuid;

use crate::difference::{Desired, desired};
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Affiliate, Graph, Kind, TrackedEvent};
use crate::resolution::Who;
use crate::stamp::Moment;
use crate::tombstones::Tombstones;
use crate::{Map, Text};

/// How old a search may be and still speak for an address on which a tombstone lies.
pub(crate) const SEARCH_IS_FRESH_FOR_MICROS: i64 = 3_600_000_000;

/// Erases what tombstones cover. Returns the covered events: nothing of their payloads may remain.
pub fn erase(graph: &mut Graph, rules: &Rules) -> Vec<Uuid> {
    let tombstones = Tombstones::of(graph);
    if tombstones.is_empty() {
        return Vec::new();
    }
    let held_back = held_back(graph, &tombstones);
    for (digest, identifier) in &mut graph.identifiers {
        let Some(tombstone) = tombstones.on(*digest) else { continue };
        identifier.traits.retain(|_, said| said.stamp.time > tombstone);
        if identifier.said_at.is_none_or(|said| said <= tombstone) && !held_back.contains(digest) {
            identifier.sealed = None;
            (identifier.refused, identifier.refused_at) = (None, None);
        }
    }
    forget_messages(graph, &tombstones);
    forget_what_was_told(graph, &tombstones, rules);
    let covered = |kept: &TrackedEvent| !kept.delete && tombstones.covers(kept.identifier, kept.stamp.time);
    graph.events.iter().filter(|kept| covered(kept)).map(|kept| kept.event).collect()
}

/// Of covered claims and sightings the times stay, because they hand tombstones on; messages and traits do not.
fn forget_messages(graph: &mut Graph, tombstones: &Tombstones) {
    for claim in &mut graph.claims {
        let (user, address) = (claim.user, claim.address);
        claim.beside.retain(|_, said| !tombstones.covers_link(user, address, said.stamp.time));
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

/// The addresses with a tombstone, named or inherited, at which an affiliate unknown to us may be. One that a late claim
/// brings to light is among them as long as its name is known.
#[must_use]
pub fn to_search_for(graph: &Graph, tombstones: &Tombstones) -> Vec<Digest> {
    let addresses = graph.identifiers.iter().filter(|(_, identifier)| identifier.kind == Kind::Address);
    let unsearched = addresses.filter(|(digest, identifier)| {
        let Some(tombstone) = tombstones.on(**digest) else { return false };
        let fresh = |searched: Moment| searched.0 >= tombstone.0 - SEARCH_IS_FRESH_FOR_MICROS;
        // What was not found before the last moment at which it may appear is looked for again.
        let is_enough = identifier.searched_at.is_some_and(fresh) && !identifier.may_appear_later();
        !graph.has_affiliate_at(**digest) && !is_enough && identifier.sealed.is_some()
    });
    unsearched.map(|(digest, _)| *digest).collect()
}

/// Of what an affiliate near a tombstone was told, only the fields' names stay, apart from what its person says all the
/// same: the values are not known any more, so they are told again, or emptied, should the affiliate ever speak for
/// someone again. This looks at what is desired now, not at when the delete came, because an answer may bring erased
/// words back, and a delete that comes to light later may be older than the tombstones that are here.
fn forget_what_was_told(graph: &mut Graph, tombstones: &Tombstones, rules: &Rules) {
    // What a scrub has overwritten names nobody, and is known.
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
    let who = Who::of(graph, tombstones, rules);
    let mut said: Map<usize, Map<Text, Text>> = Map::new();
    for person in &who.persons {
        let bound = who.bound(graph, person);
        let index = graph.affiliates.iter().position(|affiliate| Some(affiliate) == bound);
        said.extend(index.map(|index| (index, texts(desired(person, rules)))));
    }
    for (index, affiliate) in graph.affiliates.iter_mut().enumerate().filter(|(index, _)| near[*index]) {
        let said = said.get(&index);
        for (field, text) in affiliate.told.iter_mut().chain(&mut affiliate.shown) {
            let still_said = said.and_then(|fields| fields.get(field)) == text.as_ref();
            if !still_said && text.as_deref() != Some("") {
                *text = None;
            }
        }
    }
}

/// The texts apart from the graph that they stand in, which is about to change.
fn texts(desired: Desired<'_>) -> Map<Text, Text> {
    desired.fields.into_iter().map(|(field, text)| (field.into(), text.into())).collect()
}
