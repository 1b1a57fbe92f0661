//! Splits a graph when some of its identifiers stop linking.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::fold::EMAIL;
use crate::graph::{Affiliate, Graph, Kind, TrackedEvent, keep_newest};
use crate::resolution::Resolution;
use crate::shared::exclude::describe_unusable;
use crate::tombstones::Tombstones;

/// The identifiers that stop linking, with the number of others that they linked.
type Over = BTreeMap<Digest, usize>;

/// Cuts the links of some identifiers, and divides the graph into the parts that are connected without them.
pub(super) fn of(mut graph: Graph, over: &Over, rules: &Rules) -> Vec<Graph> {
    let before = Tombstones::of(&graph);
    take_along(&mut graph, &before, over, rules);
    give_back(&mut graph, over);
    cut(&mut graph, over);
    let mut parts = divide(graph);
    parts.iter_mut().for_each(|part| keep_tombstones(part, &before, over));
    parts
}

/// Takes the affiliate of a person that was about to leave a shared address along, as if the edit that moves it had been sent
/// without an answer, because a call may be under way. Other affiliates at the address stay there, left over.
fn take_along(graph: &mut Graph, tombstones: &Tombstones, over: &Over, rules: &Rules) {
    let resolution = Resolution::of(graph, tombstones, rules);
    let keeps = |affiliate: &Affiliate| affiliate.id.is_none() || !over.contains_key(&affiliate.address);
    let persons = resolution.persons.iter();
    let persons = persons.filter(|it| !over.contains_key(&it.address) && !over.contains_key(&it.root));
    let moved = persons.filter_map(|person| {
        let bound = resolution.bound(graph, person).filter(|affiliate| !keeps(affiliate))?;
        let place = graph.affiliates.iter().position(|affiliate| affiliate == bound)?;
        Some((place, person.address))
    });
    for (place, address) in moved.collect::<Vec<_>>() {
        let affiliate = &mut graph.affiliates[place];
        (affiliate.address, affiliate.address_unknown) = (address, true);
        affiliate.delivered.iter_mut().chain(&mut affiliate.shown).for_each(|(_, text)| *text = None);
    }
}

/// Gives the traits that were stated under a shared userId to the addresses that were stated with it, and takes shared
/// addresses out of the events that state them.
fn give_back(graph: &mut Graph, over: &Over) {
    for kept in graph.events.iter_mut().filter(|kept| !kept.delete) {
        let Some(address) = kept.address else { continue };
        if over.contains_key(&address) {
            kept.address = None;
            kept.keys.retain(|key| *key != EMAIL);
            kept.unusable = Some(describe_unusable(kept.unusable.as_ref(), [Kind::Address]));
        } else if over.contains_key(&kept.identifier) {
            kept.identifier = address;
            kept.unusable = Some(describe_unusable(kept.unusable.as_ref(), [Kind::User]));
        }
    }
    for claim in graph.claims.iter_mut().filter(|claim| over.contains_key(&claim.user)) {
        let beside = std::mem::take(&mut claim.beside);
        if let Some(address) = graph.identifiers.get_mut(&claim.address) {
            keep_newest(&mut address.traits, beside);
        }
    }
}

/// Removes the links of shared identifiers, and the statements under them. The identifiers that they linked remember them.
fn cut(graph: &mut Graph, over: &Over) {
    let is_over = |identifier: &Digest| over.contains_key(identifier);
    let identifiers = &mut graph.identifiers;
    let mut part = |one: Digest, other: Digest| {
        if is_over(&other)
            && let Some(one) = identifiers.get_mut(&one)
        {
            one.note_apart(other);
        }
    };
    graph.claims.retain(|claim| {
        part(claim.user, claim.address);
        part(claim.address, claim.user);
        !is_over(&claim.user) && !is_over(&claim.address)
    });
    graph.sightings.retain(|sighting| {
        part(sighting.anonymous, sighting.with);
        !is_over(&sighting.anonymous) && !is_over(&sighting.with)
    });
    for (identifier, linked) in over {
        if let Some(shared) = graph.identifiers.get_mut(identifier) {
            shared.shared = Some(u32::try_from(*linked).unwrap_or(u32::MAX));
            shared.apart.clear();
            shared.traits.clear();
        }
    }
}

/// The parts that links hold together, each with everything that belongs to its identifiers.
fn divide(graph: Graph) -> Vec<Graph> {
    let place_of = places(&graph);
    let place = |identifier: &Digest| place_of.get(identifier).copied();
    let count = place_of.values().max().map_or(0, |last| last + 1);
    let mut parts: Vec<Graph> = (0..count).map(|_| Graph::default()).collect();
    for (digest, identifier) in graph.identifiers {
        parts[place_of[&digest]].identifiers.insert(digest, identifier);
    }
    // Everything that a graph keeps is about one of its identifiers; a damaged one keeps the rest in its first part.
    for claim in graph.claims {
        parts[place(&claim.user).unwrap_or(0)].claims.push(claim);
    }
    for sighting in graph.sightings {
        parts[place(&sighting.anonymous).unwrap_or(0)].sightings.push(sighting);
    }
    for affiliate in graph.affiliates {
        parts[place(&affiliate.address).unwrap_or(0)].affiliates.push(affiliate);
    }
    for kept in graph.events {
        parts[place_of_event(&kept, &place)].events.push(kept);
    }
    for (anchor, retry) in graph.retries {
        parts[place(&anchor).unwrap_or(0)].retries.insert(anchor, retry);
    }
    for part in &mut parts {
        let identifiers = &part.identifiers;
        let is_there = |payee: &Digest| identifiers.contains_key(payee);
        part.affiliates.iter_mut().for_each(|affiliate| affiliate.payee = affiliate.payee.filter(is_there));
    }
    parts
}

fn place_of_event(kept: &TrackedEvent, place: &impl Fn(&Digest) -> Option<usize>) -> usize {
    place(&kept.identifier).or_else(|| place(&kept.address?)).unwrap_or(0)
}

/// The part of each identifier.
fn places(graph: &Graph) -> BTreeMap<Digest, usize> {
    let mut near: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    for (one, other) in graph.pairs() {
        near.entry(one).or_default().push(other);
        near.entry(other).or_default().push(one);
    }
    let mut places = BTreeMap::new();
    let mut part = 0;
    for first in graph.identifiers.keys() {
        let mut open = vec![*first];
        let before = places.len();
        while let Some(next) = open.pop() {
            if graph.identifiers.contains_key(&next) && !places.contains_key(&next) {
                places.insert(next, part);
                open.extend(near.get(&next).into_iter().flatten());
            }
        }
        part += usize::from(places.len() > before);
    }
    places
}

/// Keeps tombstones that identifiers would lose, because they came over a link that was cut.
fn keep_tombstones(part: &mut Graph, before: &Tombstones, over: &Over) {
    if before.is_empty() {
        return;
    }
    let now = Tombstones::of(part);
    for (digest, identifier) in &mut part.identifiers {
        let had = before.on(*digest);
        if had > now.on(*digest) && !over.contains_key(digest) {
            identifier.inherited = identifier.inherited.max(had);
        }
    }
}
