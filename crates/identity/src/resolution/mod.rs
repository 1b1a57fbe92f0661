//! Persons: the profiles that belong together.
//!
//! Every rule is built from maxima, minima and unions over the content of the graph, so that the same events result in the same
//! persons in every order.

mod claims;
mod links;

use std::collections::BTreeSet;

use crate::Map;
use crate::digest::Digest;
use crate::eligibility::{PAYPAL, Rules, Traits};
use crate::graph::{Affiliate, Claim, Graph, Kind, TraitValue};
use crate::payout::payee_of;
use crate::tombstones::Tombstones;
use links::Links;

/// A person: becomes an affiliate once it has everything that a create requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person<'g> {
    /// The user, or the address that no user ever claimed.
    pub root: Digest,
    /// The address that it holds.
    pub address: Digest,
    /// Every profile that belongs to it, including root and address, in order.
    pub profiles: Vec<Digest>,
    /// The traits of its profiles; the last writer wins.
    pub traits: Traits<'g>,
    /// Whether it has everything that a create requires.
    pub is_eligible: bool,
    /// The payee: only its statements set the payout field of the affiliate.
    pub payee: Digest,
    /// The payee's statement about the payout field, if there is one.
    pub payout: Option<&'g TraitValue>,
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
    /// An identifier that has stopped linking: it names nobody.
    Shared,
}

/// The persons of a graph, and the identifiers that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution<'g> {
    /// Every person.
    pub persons: Vec<Person<'g>>,
    /// The person that an identifier belongs to, as an index into `persons`.
    pub person_of: Map<Digest, usize>,
    /// Why an identifier belongs to no person.
    pub waits: Map<Digest, Wait>,
    /// Identifiers with a tombstone.
    tombstoned: BTreeSet<Digest>,
}

impl<'g> Person<'g> {
    /// Whether an identifier's profile belongs to this person.
    #[must_use]
    pub fn has(&self, identifier: Digest) -> bool {
        self.profiles.binary_search(&identifier).is_ok()
    }

    /// The statement about a trait that is sent to a field: for the payout field the payee's own, for any other the newest.
    #[must_use]
    pub fn value_for(&self, field: &str, key: &str) -> Option<&'g TraitValue> {
        if field == PAYPAL { self.payout } else { self.traits.get(key).copied() }
    }
}

impl<'g> Resolution<'g> {
    /// Computes the persons of a graph.
    #[must_use]
    pub fn of(graph: &'g Graph, tombstones: &Tombstones, rules: &Rules) -> Self {
        let links = Links::of(graph, tombstones);
        let mut resolution = Self {
            tombstoned: tombstones.all().map(|(identifier, _)| identifier).collect(),
            ..Self::default()
        };
        for (address, user) in links.holders(rules) {
            resolution.add(graph, rules, user, address, links.profiles(user, address));
        }
        let unclaimed = graph.identifiers.iter().filter(|(digest, identifier)| {
            let is_claimed = links.last_claimer.contains_key(*digest);
            identifier.kind == Kind::Address && !is_claimed && !identifier.is_shared()
        });
        for (&address, _) in unclaimed {
            resolution.add(graph, rules, address, address, links.profiles(address, address));
        }
        resolution.waits = resolution.everything_else(graph, &links);
        resolution.find_payouts(graph, tombstones, rules);
        resolution
    }

    fn find_payouts(&mut self, graph: &'g Graph, tombstones: &Tombstones, rules: &Rules) {
        let Some(key) = rules.paypal_trait.as_deref() else { return };
        let payee = |person: &Person<'_>| payee_of(graph, tombstones, person, self.bound(graph, person));
        let payees: Vec<Digest> = self.persons.iter().map(payee).collect();
        for (person, payee) in self.persons.iter_mut().zip(payees) {
            person.payee = payee;
            person.payout = graph.identifiers.get(&payee).and_then(|profile| profile.traits.get(key));
        }
    }

    fn add(&mut self, graph: &'g Graph, rules: &Rules, root: Digest, address: Digest, profiles: Vec<Digest>) {
        let traits = merged(graph, &profiles);
        let is_eligible = rules.lacking(&traits, false).is_empty();
        let index = self.persons.len();
        self.person_of.extend(profiles.iter().map(|profile| (*profile, index)));
        self.persons.push(Person { root, address, profiles, traits, is_eligible, payee: root, payout: None });
    }

    fn everything_else(&self, graph: &Graph, links: &Links<'_>) -> Map<Digest, Wait> {
        let alone = graph.identifiers.iter().filter(|(digest, _)| !self.person_of.contains_key(*digest));
        alone
            .map(|(&digest, identifier)| {
                let wait = match identifier.kind {
                    _ if identifier.is_shared() => Wait::Shared,
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
    pub fn person(&self, identifier: Digest) -> Option<&Person<'g>> {
        self.person_of.get(&identifier).map(|index| &self.persons[*index])
    }

    /// The affiliate that a person is bound to: the one at its address, else the one at the address that it left last. An
    /// affiliate at a former address with a tombstone is not taken along: in doubt the delete wins.
    #[must_use]
    pub fn bound<'a>(&self, graph: &'a Graph, person: &Person<'_>) -> Option<&'a Affiliate> {
        let mine = graph.affiliates.iter().filter(|affiliate| {
            let left = person.has(affiliate.address) && !self.tombstoned.contains(&affiliate.address);
            affiliate.address == person.address || left
        });
        mine.max_by_key(|affiliate| {
            let left = graph.claim(person.root, affiliate.address).and_then(Claim::last);
            let is_at_it = affiliate.address == person.address;
            // An affiliate that Refersion showed there comes before one that was there before its address was overwritten.
            let is_certain = !affiliate.address_unknown;
            (!affiliate.gone, is_at_it, left, is_certain, std::cmp::Reverse(affiliate.id))
        })
    }
}

/// The merged traits of several profiles; the last writer wins.
#[must_use]
pub fn merged<'g>(graph: &'g Graph, profiles: &[Digest]) -> Traits<'g> {
    let profiles = profiles.iter().filter_map(|digest| graph.identifiers.get(digest));
    let all = profiles.flat_map(|profile| &profile.traits).map(|(key, stated)| (key.as_str(), stated));
    let mut traits: Vec<(&str, &TraitValue)> = all.collect();
    // Nothing has to be moved if only one profile has traits.
    traits.sort_by_key(|(key, _)| *key);
    traits.dedup_by(|(later, new), (earlier, known)| {
        let same = later == earlier;
        if same && new.supersedes(known) {
            *known = *new;
        }
        same
    });
    Traits::from_sorted_store_unchecked(traits)
}
