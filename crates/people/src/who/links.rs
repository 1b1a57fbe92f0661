//! How the identifiers of a graph hang together: who claims which address, and whose an anonymousId is.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::{Rank, Uncovered};
use super::merged;
use crate::digest::Digest;
use crate::graph::Graph;
use crate::needs::Rules;
use crate::stamp::Stamp;
use crate::tombs::Tombs;

/// How the identifiers of a graph hang together.
pub(super) struct Links {
    /// The present address of each user that has one.
    pub(super) present: BTreeMap<Digest, Digest>,
    /// The last uncovered claim of a user on an address.
    newest_claim: BTreeMap<(Digest, Digest), Stamp>,
    /// Who claimed an address last, covered or not.
    pub(super) last_claimer: BTreeMap<Digest, Digest>,
    /// The anonymousIds of an identifier.
    belongs: BTreeMap<Digest, Vec<Digest>>,
}

impl Links {
    pub(super) fn of(graph: &Graph, tombs: &Tombs) -> Self {
        let mut links = Self {
            present: BTreeMap::new(),
            newest_claim: BTreeMap::new(),
            last_claimer: BTreeMap::new(),
            belongs: BTreeMap::new(),
        };
        links.read_claims(graph, tombs);
        links.read_sightings(graph, tombs);
        links
    }

    fn read_claims(&mut self, graph: &Graph, tombs: &Tombs) {
        let mut best: BTreeMap<Digest, (Rank, Digest)> = BTreeMap::new();
        let mut last: BTreeMap<Digest, (&Stamp, Digest)> = BTreeMap::new();
        for claim in &graph.claims {
            if let Some(stamp) = claim.last() {
                let entry = last.entry(claim.address).or_insert((stamp, claim.user));
                *entry = (*entry).max((stamp, claim.user));
            }
            let standing = Uncovered::of(claim, tombs);
            if let Some(stamp) = standing.newest() {
                self.newest_claim.insert((claim.user, claim.address), stamp.clone());
            }
            let existed = graph.identifiers.get(&claim.address).is_some_and(|address| address.existed);
            if let Some(rank) = standing.rank(existed) {
                let candidate = (rank, claim.address);
                let better = best.get(&claim.user).is_none_or(|known| candidate > *known);
                if better {
                    best.insert(claim.user, candidate);
                }
            }
        }
        self.present = best.into_iter().map(|(user, (_, address))| (user, address)).collect();
        self.last_claimer = last.into_iter().map(|(address, (_, user))| (address, user)).collect();
    }

    fn read_sightings(&mut self, graph: &Graph, tombs: &Tombs) {
        let mut newest: BTreeMap<Digest, (&Stamp, Digest)> = BTreeMap::new();
        for sighting in &graph.sightings {
            let entry = newest.entry(sighting.anonymous).or_insert((&sighting.span.last, sighting.with));
            *entry = (*entry).max((&sighting.span.last, sighting.with));
        }
        for (anonymous, (stamp, with)) in newest {
            if !tombs.covers_link(anonymous, with, stamp.time) {
                self.belongs.entry(with).or_default().push(anonymous);
            }
        }
    }

    /// The profiles that speak for a user at an address, or for an address alone.
    pub(super) fn profiles(&self, root: Digest, address: Digest) -> BTreeSet<Digest> {
        let taken: BTreeSet<&Digest> = self.present.values().collect();
        let left = self.last_claimer.iter().filter(|(left, by)| **by == root && !taken.contains(left));
        let strong: BTreeSet<Digest> =
            [root, address].into_iter().chain(left.map(|(left, _)| *left)).collect();
        let anonymous = strong.iter().filter_map(|digest| self.belongs.get(digest)).flatten().copied();
        anonymous.chain(strong.iter().copied()).collect()
    }

    /// Who holds each address that is some user's present one.
    pub(super) fn holders(&self, graph: &Graph, rules: &Rules) -> BTreeMap<Digest, Digest> {
        let mut by_address: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        for (user, address) in &self.present {
            by_address.entry(*address).or_default().push(*user);
        }
        let strength = |user: Digest, address: Digest| {
            let could = rules.lacking(&merged(graph, &self.profiles(user, address)), false).is_empty();
            (could, self.newest_claim.get(&(user, address)), user)
        };
        by_address
            .into_iter()
            .filter_map(|(address, users)| match users.as_slice() {
                [only] => Some((address, *only)),
                _ => {
                    users.into_iter().max_by_key(|user| strength(*user, address)).map(|user| (address, user))
                }
            })
            .collect()
    }
}
