//! The history of one connection: all claims, sightings, deletes and identifies.
//!
//! Everything here is a minimum, a maximum or a union, so the result does not depend on the order of events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::event::{Class, Delete, Identifier, Identify, Reading, Stamp, read};
use crate::shared::{shared, without};
use crate::{Accepted, Settings};

/// The first and the last stamp of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: Stamp,
    pub(crate) last: Stamp,
}

impl Span {
    fn include(&mut self, stamp: &Stamp) {
        self.first = self.first.clone().min(stamp.clone());
        self.last = self.last.clone().max(stamp.clone());
    }
}

/// The claims of one user on one address, by class. Never empty.
#[derive(Debug, Default)]
pub(crate) struct Claim(BTreeMap<Class, Span>);

impl Claim {
    pub(crate) fn class(&self, class: Class) -> Option<&Span> {
        self.0.get(&class)
    }

    /// The first and the last claim of all classes.
    pub(crate) fn whole(&self) -> Span {
        let spans = self.0.values();
        let first = spans.clone().map(|span| &span.first).min().cloned();
        let last = spans.map(|span| &span.last).max().cloned();
        let (Some(first), Some(last)) = (first, last) else { unreachable!("a claim was made at least once") };
        Span { first, last }
    }

    /// The newest stamp, if it is after `tombstone`.
    pub(crate) fn newest_after(&self, tombstone: Option<Timestamp>) -> Option<Stamp> {
        let last = self.whole().last;
        (Some(last.0) > tombstone).then_some(last)
    }
}

/// The gathered events.
#[derive(Default)]
pub(crate) struct History {
    /// By user, then address.
    pub(crate) claims: BTreeMap<String, BTreeMap<String, Claim>>,
    /// By address: every user that ever claimed it.
    pub(crate) claimers: BTreeMap<String, BTreeSet<String>>,
    /// By anonymousId: the stronger identifiers that it was seen with, and when.
    pub(crate) sightings: BTreeMap<String, BTreeMap<Identifier, Span>>,
    /// By stronger identifier: every anonymousId that was ever seen with it.
    pub(crate) seen_with: BTreeMap<Identifier, BTreeSet<String>>,
    /// By identifier: the newest delete that names it.
    pub(crate) named: BTreeMap<Identifier, Timestamp>,
    /// The identifiers that are used for too many people.
    pub(crate) shared: BTreeSet<Identifier>,
    /// Every identify that counts for somebody, with its traits.
    pub(crate) identifies: Vec<Identify>,
    /// Number of identifies that disable this destination.
    pub(crate) skipped: usize,
    /// Number of events that should not have been accepted.
    pub(crate) unreadable: usize,
}

pub(crate) fn gather<'a>(events: impl IntoIterator<Item = Accepted<'a>>, settings: &Settings) -> History {
    let mut history = History::default();
    let mut identifies = Vec::new();
    for event in events {
        match read(&event, settings) {
            Reading::Identify(identify) => identifies.push(identify),
            Reading::Delete(delete) => history.add_delete(delete),
            Reading::Skipped => history.skipped += 1,
            Reading::Unreadable => history.unreadable += 1,
        }
    }
    history.shared = shared(&identifies, settings.shared_after);
    for identify in identifies {
        if let Some(identify) = without(identify, &history.shared) {
            history.add_identify(identify);
        }
    }
    history
}

impl History {
    fn add_identify(&mut self, identify: Identify) {
        let stamp = &identify.stamp;
        let span = || Span { first: stamp.clone(), last: stamp.clone() };
        if let (Some(user), Some((address, class))) = (&identify.user, &identify.address) {
            let claim = self.claims.entry(user.clone()).or_default().entry(address.clone()).or_default();
            claim.0.entry(*class).or_insert_with(span).include(stamp);
            self.claimers.entry(address.clone()).or_default().insert(user.clone());
        }
        if let (Some(anonymous), stronger) = (&identify.anonymous, &identify.strongest)
            && !matches!(stronger, Identifier::Anonymous(_))
        {
            let seen = self.sightings.entry(anonymous.clone()).or_default();
            seen.entry(stronger.clone()).or_insert_with(span).include(stamp);
            self.seen_with.entry(stronger.clone()).or_default().insert(anonymous.clone());
        }
        self.identifies.push(identify);
    }

    fn add_delete(&mut self, delete: Delete) {
        for name in delete.names {
            let newest = self.named.entry(name).or_insert(delete.time);
            *newest = delete.time.max(*newest);
        }
    }

    /// Every address that occurs in any event.
    pub(crate) fn addresses(&self) -> BTreeSet<&String> {
        let strongest = self.identifies.iter().map(|identify| &identify.strongest);
        let identifiers = strongest.chain(self.named.keys());
        let addresses = identifiers.filter_map(|identifier| match identifier {
            Identifier::Address(address) => Some(address),
            _ => None,
        });
        addresses.chain(self.claimers.keys()).collect()
    }

    /// The addresses that no user ever claimed, and that are not used for too many.
    pub(crate) fn addresses_never_claimed(&self) -> BTreeSet<&String> {
        let is_shared = |address: &String| self.shared.contains(&Identifier::Address(address.clone()));
        let addresses = self.addresses().into_iter();
        addresses.filter(|address| !self.claimers.contains_key(*address) && !is_shared(address)).collect()
    }
}
