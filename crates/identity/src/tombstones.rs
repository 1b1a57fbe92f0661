//! Tombstones: the identifiers that deletes cover, computed from the named ones, claims and sightings.
//!
//! Only the identifiers that a delete *named* are stored. Inherited tombstones are computed from claims and sightings each time,
//! so that a claim or sighting that becomes known later passes them on as well.

use std::collections::BTreeSet;

use crate::Map;
use crate::digest::Digest;
use crate::graph::{Claim, Graph, Kind};
use crate::stamp::Moment;

/// The newest tombstone on each identifier that has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tombstones(Map<Digest, Moment>);

impl Tombstones {
    /// Computes every tombstone of a graph.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let mut tombstones = Self::named(graph);
        let inherited = graph.identifiers.iter();
        let inherited: Vec<(Digest, Kind, Moment)> =
            inherited.filter_map(|(digest, it)| Some((*digest, it.kind, it.inherited?))).collect();
        if tombstones.0.is_empty() && inherited.is_empty() {
            return tombstones;
        }
        let named = tombstones.clone();
        for claim in &graph.claims {
            tombstones.inherit(claim_first(claim), named.on(claim.address), claim.user);
        }
        tombstones.keep_inherited(&inherited, Kind::User);
        let users = tombstones.clone();
        for claim in &graph.claims {
            tombstones.inherit(claim_first(claim), users.on(claim.user), claim.address);
        }
        tombstones.keep_inherited(&inherited, Kind::Address);
        let strong = tombstones.clone();
        for sighting in &graph.sightings {
            tombstones.inherit(Some(sighting.span.first.time), strong.on(sighting.with), sighting.anonymous);
        }
        tombstones.keep_inherited(&inherited, Kind::Anonymous);
        tombstones
    }

    /// Adds tombstones that were inherited over links that no longer exist.
    fn keep_inherited(&mut self, inherited: &[(Digest, Kind, Moment)], kind: Kind) {
        for (digest, _, tombstone) in inherited.iter().filter(|it| it.1 == kind) {
            self.inherit(Some(*tombstone), Some(*tombstone), *digest);
        }
    }

    fn named(graph: &Graph) -> Self {
        Self(graph.identifiers.iter().filter_map(|(digest, it)| Some((*digest, it.named?))).collect())
    }

    /// Passes a tombstone on over a link that is not newer than it.
    fn inherit(&mut self, link: Option<Moment>, tombstone: Option<Moment>, heir: Digest) {
        if let (Some(link), Some(tombstone)) = (link, tombstone)
            && link <= tombstone
        {
            let on_heir = self.0.entry(heir).or_insert(tombstone);
            *on_heir = (*on_heir).max(tombstone);
        }
    }

    /// Every identifier with a tombstone, and its time.
    pub fn all(&self) -> impl Iterator<Item = (Digest, Moment)> + '_ {
        self.0.iter().map(|(digest, tombstone)| (*digest, *tombstone))
    }

    /// The newest tombstone on an identifier.
    #[must_use]
    pub fn on(&self, identifier: Digest) -> Option<Moment> {
        self.0.get(&identifier).copied()
    }

    /// Whether a tombstone covers a statement at `time` under `identifier`. At equal times the delete wins.
    #[must_use]
    pub fn covers(&self, identifier: Digest, time: Moment) -> bool {
        self.on(identifier).is_some_and(|tombstone| time <= tombstone)
    }

    /// Whether a tombstone at either end covers a link between two identifiers.
    #[must_use]
    pub fn covers_link(&self, one: Digest, other: Digest, time: Moment) -> bool {
        self.covers(one, time) || self.covers(other, time)
    }

    /// The newest tombstone on an address, on a user that ever claimed it, on another address that such a user claimed,
    /// or on an anonymousId seen with any of these: it concerns an affiliate at the address.
    #[must_use]
    pub fn around(&self, graph: &Graph, address: Digest) -> Option<Moment> {
        if self.0.is_empty() {
            return None;
        }
        let users: BTreeSet<Digest> =
            graph.claims.iter().filter(|claim| claim.address == address).map(|claim| claim.user).collect();
        let mut near: BTreeSet<Digest> = users.clone();
        near.insert(address);
        near.extend(
            graph.claims.iter().filter(|claim| users.contains(&claim.user)).map(|claim| claim.address),
        );
        let seen = graph.sightings.iter().filter(|sighting| near.contains(&sighting.with));
        let anonymous: BTreeSet<Digest> = seen.map(|sighting| sighting.anonymous).collect();
        near.union(&anonymous).filter_map(|identifier| self.on(*identifier)).max()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn claim_first(claim: &Claim) -> Option<Moment> {
    claim.first().map(|stamp| stamp.time)
}
