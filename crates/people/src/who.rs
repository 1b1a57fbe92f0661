//! Persons: the profiles that belong together, seen as one.
//!
//! Every rule is made of maxima, minima and unions over what the graph keeps, so that the same events make the same
//! persons in whatever order they came.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::graph::{Affiliate, Claim, Graph, Kind};
use crate::needs::{Rules, Traits};
use crate::stamp::Stamp;
use crate::tombs::Tombs;

/// A person: what becomes an affiliate once it has all that a create needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user, or the address that no user ever claimed.
    pub root: Digest,
    /// The address that it holds.
    pub address: Digest,
    /// Every profile that speaks for it, root and address included.
    pub profiles: BTreeSet<Digest>,
    /// It has all that a create needs.
    pub can_be_one: bool,
}

/// Why an identifier belongs to no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// A user without an address.
    NoAddress,
    /// A user whose address another user holds.
    AddressHeldByAnother,
    /// An anonymousId alone.
    AnonymousOnly,
    /// An address whose last claimer waits.
    ClaimerWaits,
}

/// The persons of a graph, and who waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Every person.
    pub persons: Vec<Person>,
    /// Which person an identifier belongs to, as an index into `persons`.
    pub person_of: BTreeMap<Digest, usize>,
    /// Why an identifier belongs to none.
    pub waits: BTreeMap<Digest, Wait>,
}

impl Who {
    /// Works out the persons of a graph.
    #[must_use]
    pub fn of(graph: &Graph, tombs: &Tombs, rules: &Rules) -> Self {
        let links = Links::of(graph, tombs);
        let mut who = Self::default();
        for (address, user) in links.holders(graph, rules) {
            who.add(graph, rules, user, address, links.profiles(user, address));
        }
        let unclaimed = graph.identifiers.iter().filter(|(digest, identifier)| {
            identifier.kind == Kind::Address && !links.last_claimer.contains_key(digest)
        });
        for (&address, _) in unclaimed {
            who.add(graph, rules, address, address, links.profiles(address, address));
        }
        who.waits = who.everything_else(graph, &links);
        who
    }

    fn add(
        &mut self,
        graph: &Graph,
        rules: &Rules,
        root: Digest,
        address: Digest,
        profiles: BTreeSet<Digest>,
    ) {
        let can_be_one = rules.lacking(&merged(graph, &profiles), false).is_empty();
        let index = self.persons.len();
        self.person_of.extend(profiles.iter().map(|profile| (*profile, index)));
        self.persons.push(Person { root, address, profiles, can_be_one });
    }

    fn everything_else(&self, graph: &Graph, links: &Links) -> BTreeMap<Digest, Wait> {
        let alone = graph.identifiers.iter().filter(|(digest, _)| !self.person_of.contains_key(digest));
        alone
            .map(|(&digest, identifier)| {
                let wait = match identifier.kind {
                    Kind::User if links.present.contains_key(&digest) => Wait::AddressHeldByAnother,
                    Kind::User => Wait::NoAddress,
                    Kind::Address => Wait::ClaimerWaits,
                    Kind::Anonymous => Wait::AnonymousOnly,
                };
                (digest, wait)
            })
            .collect()
    }

    /// The person that an identifier belongs to.
    #[must_use]
    pub fn person(&self, identifier: Digest) -> Option<&Person> {
        self.person_of.get(&identifier).map(|index| &self.persons[*index])
    }

    /// The affiliate that a person is bound to: the one at its address, else the one at the address that it left last.
    #[must_use]
    pub fn bound<'g>(&self, graph: &'g Graph, person: &Person) -> Option<&'g Affiliate> {
        let mine = graph.affiliates.iter().filter(|affiliate| person.profiles.contains(&affiliate.address));
        mine.max_by_key(|affiliate| {
            let left = graph
                .claims
                .iter()
                .filter(|claim| claim.user == person.root && claim.address == affiliate.address)
                .filter_map(Claim::last)
                .max();
            (affiliate.address == person.address, left, std::cmp::Reverse(affiliate.id))
        })
    }
}

/// The traits of several profiles as one, last writer wins.
#[must_use]
pub fn merged<'g>(graph: &'g Graph, profiles: &BTreeSet<Digest>) -> Traits<'g> {
    let mut traits = Traits::new();
    for profile in profiles.iter().filter_map(|digest| graph.identifiers.get(digest)) {
        for (key, said) in &profile.traits {
            match traits.get(key.as_str()) {
                Some(known) if !said.beats(known) => {}
                _ => {
                    traits.insert(key, said);
                }
            }
        }
    }
    traits
}

/// How the identifiers of a graph hang together.
struct Links {
    present: BTreeMap<Digest, Digest>,
    newest_claim: BTreeMap<(Digest, Digest), Stamp>,
    last_claimer: BTreeMap<Digest, Digest>,
    belongs: BTreeMap<Digest, Vec<Digest>>,
}

impl Links {
    fn of(graph: &Graph, tombs: &Tombs) -> Self {
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
    fn profiles(&self, root: Digest, address: Digest) -> BTreeSet<Digest> {
        let taken: BTreeSet<&Digest> = self.present.values().collect();
        let left = self.last_claimer.iter().filter(|(left, by)| **by == root && !taken.contains(left));
        let strong: BTreeSet<Digest> =
            [root, address].into_iter().chain(left.map(|(left, _)| *left)).collect();
        let anonymous = strong.iter().filter_map(|digest| self.belongs.get(digest)).flatten().copied();
        anonymous.chain(strong.iter().copied()).collect()
    }

    /// Who holds each address that is some user's present one.
    fn holders(&self, graph: &Graph, rules: &Rules) -> BTreeMap<Digest, Digest> {
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

/// How well a claim makes an address the user's present one: an ordinary statement, the newest first; then Engage's, the
/// first of them first; then the shape of the userId.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Shape,
    Engage(std::cmp::Reverse<Stamp>),
    Ordinary(Stamp),
}

/// The classes of a claim that no tombstone covers.
struct Uncovered<'g> {
    claim: &'g Claim,
    ordinary: Option<&'g Stamp>,
    engage: Option<&'g Stamp>,
    shape: Option<&'g Stamp>,
}

impl<'g> Uncovered<'g> {
    fn of(claim: &'g Claim, tombs: &Tombs) -> Self {
        let last = |span: &'g Option<crate::stamp::Span>| {
            let last = &span.as_ref()?.last;
            (!tombs.covers_link(claim.user, claim.address, last.time)).then_some(last)
        };
        Self {
            claim,
            ordinary: last(&claim.ordinary),
            engage: last(&claim.engage),
            shape: last(&claim.shape),
        }
    }

    fn newest(&self) -> Option<&'g Stamp> {
        [self.ordinary, self.engage, self.shape].into_iter().flatten().max()
    }

    fn rank(&self, existed: bool) -> Option<Rank> {
        let ordinary = if existed { self.newest() } else { self.ordinary };
        if let Some(stamp) = ordinary {
            return Some(Rank::Ordinary(stamp.clone()));
        }
        if self.engage.is_some() {
            let first = self.claim.engage.as_ref().map(|span| span.first.clone())?;
            return Some(Rank::Engage(std::cmp::Reverse(first)));
        }
        self.shape.map(|_| Rank::Shape)
    }
}
