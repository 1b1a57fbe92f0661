//! Identity resolution: which identifiers are one person, and which address the person has.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Class, Identifier, Stamp, counted};
use crate::fields::can_be_an_affiliate;
use crate::fold::{Profiles, merged};
use crate::history::History;
use crate::tombstones::Tombstones;
use crate::traits::Traits;
use crate::{Settings, World};

/// A person: the profiles that belong together, and the address of their affiliate.
pub(crate) struct Person {
    pub(crate) address: String,
    /// `None` for an address that no user ever claimed.
    pub(crate) user: Option<String>,
    pub(crate) profiles: BTreeSet<Identifier>,
    pub(crate) traits: Traits,
    pub(crate) is_eligible: bool,
}

/// The data of identity resolution, computed once.
pub(crate) struct People<'a> {
    history: &'a History,
    tombstones: &'a Tombstones,
    profiles: &'a Profiles,
    settings: &'a Settings,
    /// The present address of each user that has one.
    present: BTreeMap<&'a String, &'a String>,
    /// All users whose present address it is.
    wanted_by: BTreeMap<&'a String, BTreeSet<&'a String>>,
    /// The user that claimed an address last, covered or not.
    last_claimer: BTreeMap<&'a String, &'a String>,
    /// The anonymousIds that belong to an identifier.
    anonymous_of: BTreeMap<&'a Identifier, BTreeSet<&'a String>>,
}

impl<'a> People<'a> {
    pub(crate) fn new(
        history: &'a History,
        tombstones: &'a Tombstones,
        profiles: &'a Profiles,
        settings: &'a Settings,
        world: &World,
    ) -> Self {
        let present: BTreeMap<_, _> = history
            .claims
            .keys()
            .filter_map(|user| Some((user, present(user, history, tombstones, world)?)))
            .collect();
        let mut wanted_by: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (user, address) in &present {
            wanted_by.entry(*address).or_default().insert(*user);
        }
        let last_claimer =
            history.claimers.keys().map(|address| (address, last_claimer(address, history, tombstones)));
        let mut anonymous_of: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for anonymous in history.sightings.keys() {
            if let Some(owner) = owner_of_anonymous(anonymous, history, tombstones) {
                anonymous_of.entry(owner).or_default().insert(anonymous);
            }
        }
        let last_claimer = last_claimer.collect();
        People { history, tombstones, profiles, settings, present, wanted_by, last_claimer, anonymous_of }
    }

    /// Every person, by address: there is at most one for each.
    pub(crate) fn persons(&self) -> BTreeMap<&'a String, Person> {
        let held = self
            .wanted_by
            .iter()
            .map(|(address, users)| (*address, self.person(Some(self.holder(address, users)), address)));
        let unclaimed = self
            .history
            .addresses_never_claimed()
            .into_iter()
            .map(|address| (address, self.person(None, address)));
        held.chain(unclaimed).collect()
    }

    /// The person that an affiliate at this address belongs to, if there is one.
    pub(crate) fn owner<'p>(
        &self,
        address: &String,
        persons: &'p BTreeMap<&'a String, Person>,
    ) -> Option<&'p Person> {
        if let Some(person) = persons.get(address) {
            return Some(person);
        }
        let last_claimer = *self.last_claimer.get(address)?;
        let person = persons.get(*self.present.get(last_claimer)?)?;
        (person.user.as_ref() == Some(last_claimer)).then_some(person)
    }

    /// The user that holds an address: of those whose present address it is, one that could be an affiliate with it has
    /// precedence, then the one that claimed it last.
    fn holder(&self, address: &'a String, users: &BTreeSet<&'a String>) -> &'a String {
        let rank = |user: &&'a String| {
            let claim = &self.history.claims[*user][address];
            let newest: Option<Stamp> = claim.newest_after(self.tombstones.on_claim(user, address));
            (self.person(Some(user), address).is_eligible, newest, *user)
        };
        users
            .iter()
            .copied()
            .max_by_key(rank)
            .unwrap_or_else(|| unreachable!("a user has this present address"))
    }

    fn person(&self, user: Option<&'a String>, address: &str) -> Person {
        let mut profiles = BTreeSet::from([Identifier::Address(address.to_owned())]);
        if let Some(user) = user {
            profiles.insert(Identifier::User(user.clone()));
            for claimed in self.history.claims[user].keys() {
                if self.last_claimer[claimed] == user && !self.wanted_by.contains_key(claimed) {
                    profiles.insert(Identifier::Address(claimed.clone()));
                }
            }
        }
        let seen = profiles.iter().filter_map(|profile| self.anonymous_of.get(profile)).flatten();
        let seen: Vec<_> = seen.map(|anonymous| Identifier::Anonymous((*anonymous).clone())).collect();
        profiles.extend(seen);
        let traits = merged(&profiles, self.profiles);
        let is_eligible = can_be_an_affiliate(&traits, self.settings);
        Person { address: address.to_owned(), user: user.cloned(), profiles, traits, is_eligible }
    }
}

/// The present address of a user, from its claims that no tombstone covers. Two addresses never have the same stamp; if
/// they had, the greater one would count.
fn present<'a>(
    user: &str,
    history: &'a History,
    tombstones: &Tombstones,
    world: &World,
) -> Option<&'a String> {
    let claims = &history.claims[user];
    let is_alive = |address: &str, last: &Stamp| Some(last.0) > tombstones.on_claim(user, address);
    let ordinary = claims.iter().filter_map(|(address, claim)| {
        let last = if world.existed.contains(address) {
            claim.whole().last
        } else {
            claim.class(Class::Ordinary)?.last.clone()
        };
        is_alive(address, &last).then_some((last, address))
    });
    let by_engage = claims.iter().filter_map(|(address, claim)| {
        let span = claim.class(Class::Engage)?;
        let first = counted(&span.first, tombstones.on_claim(user, address));
        is_alive(address, &span.last).then_some((first, Reverse(address)))
    });
    let by_shape = claims
        .iter()
        .find(|(address, claim)| claim.class(Class::Shape).is_some_and(|span| is_alive(address, &span.last)));
    let newest = ordinary.max().map(|(_, address)| address);
    newest
        .or_else(|| by_engage.min().map(|(_, Reverse(address))| address))
        .or(by_shape.map(|(address, _)| address))
}

fn last_claimer<'a>(address: &String, history: &'a History, tombstones: &Tombstones) -> &'a String {
    let last = |user: &&String| {
        let last = history.claims[*user][address].whole().last;
        (counted(&last, tombstones.on_claim(user, address)), (*user).clone())
    };
    let claimers = history.claimers[address].iter();
    claimers.max_by_key(last).unwrap_or_else(|| unreachable!("an address is listed because of a claim"))
}

/// The identifier with which an anonymousId was seen last, unless a tombstone covers that sighting.
fn owner_of_anonymous<'a>(
    anonymous: &str,
    history: &'a History,
    tombstones: &Tombstones,
) -> Option<&'a Identifier> {
    let tombstone = |owner| tombstones.on_anonymous(anonymous).max(tombstones.on(owner));
    let sightings = history.sightings[anonymous].iter();
    let (owner, span) =
        sightings.max_by_key(|(owner, span)| (counted(&span.last, tombstone(owner)), *owner))?;
    (Some(span.last.0) > tombstone(owner)).then_some(owner)
}
