//! The links between the identifiers of a graph: which userId claims which address, and which identifier an anonymousId belongs to.

use litemap::Entry;

use super::claims::{Rank, Uncovered};
use super::merged;
use crate::Map;
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::Graph;
use crate::stamp::Stamp;
use crate::tombstones::Tombstones;

/// The links between the identifiers of a graph.
pub(super) struct Links<'g> {
    graph: &'g Graph,
    tombstones: &'g Tombstones,
    /// The present address of each user that has one, with the rank of its claim.
    pub(super) present: Map<Digest, (Rank<'g>, Digest)>,
    /// The last claimer of each address, covered or not.
    pub(super) last_claimer: Map<Digest, (&'g Stamp, Digest)>,
    /// The addresses that a user claimed last and that are nobody's present one.
    left: Map<Digest, Vec<Digest>>,
    /// The anonymousIds of an identifier.
    belongs: Map<Digest, Vec<Digest>>,
}

impl<'g> Links<'g> {
    pub(super) fn of(graph: &'g Graph, tombstones: &'g Tombstones) -> Self {
        let (present, last_claimer) = (Map::new(), Map::new());
        let (left, belongs) = (Map::new(), Map::new());
        let mut links = Self { graph, tombstones, present, last_claimer, left, belongs };
        links.read_claims();
        links.find_left();
        links.read_sightings();
        links
    }

    fn read_claims(&mut self) {
        for claim in &self.graph.claims {
            if let Some(stamp) = claim.last() {
                keep_greatest(&mut self.last_claimer, claim.address, (stamp, claim.user));
            }
            let existed = self.graph.identifiers.get(&claim.address).is_some_and(|address| address.existed);
            if let Some(rank) = Uncovered::of(claim, self.tombstones).rank(existed) {
                keep_greatest(&mut self.present, claim.user, (rank, claim.address));
            }
        }
    }

    fn find_left(&mut self) {
        let mut taken: Vec<Digest> = self.present.values().map(|(_, address)| *address).collect();
        taken.sort_unstable();
        for (address, (_, user)) in &self.last_claimer {
            if taken.binary_search(address).is_err() {
                self.left.entry(*user).or_default().push(*address);
            }
        }
    }

    fn read_sightings(&mut self) {
        let mut newest: Map<Digest, (&Stamp, Digest)> = Map::new();
        for sighting in &self.graph.sightings {
            keep_greatest(&mut newest, sighting.anonymous, (&sighting.span.last, sighting.with));
        }
        for (anonymous, (stamp, with)) in newest {
            if !self.tombstones.covers_link(anonymous, with, stamp.time) {
                self.belongs.entry(with).or_default().push(anonymous);
            }
        }
    }

    /// The profiles that belong to a user at an address, or to an address alone, in order.
    pub(super) fn profiles(&self, root: Digest, address: Digest) -> Vec<Digest> {
        let left = self.left.get(&root).into_iter().flatten();
        let mut profiles: Vec<Digest> = [root, address].into_iter().chain(left.copied()).collect();
        for strong in 0..profiles.len() {
            profiles.extend(self.belongs.get(&profiles[strong]).into_iter().flatten());
        }
        profiles.sort_unstable();
        profiles.dedup();
        profiles
    }

    /// The holder of each address that is some user's present one: address and user, in the order of addresses.
    pub(super) fn holders(&self, rules: &Rules) -> Vec<(Digest, Digest)> {
        let mut holders: Vec<(Digest, Digest)> =
            self.present.iter().map(|(user, (_, address))| (*address, *user)).collect();
        if holders.len() < 2 {
            return holders;
        }
        holders.sort_unstable();
        let holders = holders.chunk_by(|one, other| one.0 == other.0);
        holders
            .filter_map(|users| match users {
                [only] => Some(*only),
                _ => {
                    users.iter().copied().max_by_key(|(address, user)| self.strength(rules, *user, *address))
                }
            })
            .collect()
    }

    /// The strength of a user's hold on an address that is also others' present one.
    fn strength(&self, rules: &Rules, user: Digest, address: Digest) -> (bool, Option<&'g Stamp>, Digest) {
        let traits = merged(self.graph, &self.profiles(user, address));
        let claim = self.graph.claim(user, address);
        let newest = claim.and_then(|claim| Uncovered::of(claim, self.tombstones).newest());
        (rules.lacking(&traits, false).is_empty(), newest, user)
    }
}

/// Keeps the greatest of all values that are given for a key.
fn keep_greatest<K: Ord, V: Ord>(map: &mut Map<K, V>, key: K, value: V) {
    match map.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(value);
        }
        Entry::Occupied(mut entry) if value > *entry.get() => {
            entry.insert(value);
        }
        Entry::Occupied(_) => {}
    }
}
