//! Decides whose statements set the payout field of an affiliate.
//!
//! The payout field (Refersion's `paypal_email`) is the address that is paid, and anybody can send an identify with a userId of
//! their own and somebody else's address. So an affiliate remembers its *payee*: the user, or the address without a user,
//! that it was created for; for an affiliate that existed before, the person that it was first bound to. The field is sent only
//! from the payee's own profile, even if the address belongs to another person. Any other statement, also one that clears the field, is
//! *held back* until an operator confirms it. There is no confirmation by event: a sender that can send an identify for one userId
//! can send it for another.
//!
//! A delete of the payee releases the affiliate: its next holder becomes the payee. If the payee is an address, only a delete that
//! named it counts. An inherited tombstone does not: a user who claimed the address could cause it by their own delete.
//!
//! The payee depends on when the create was sent, like left-over affiliates do; everything else here is a function of it
//! and of the set of events.

use crate::Text;
use crate::difference::{not_scrubbed, stuck};
use crate::digest::Digest;
use crate::eligibility::{PAYPAL, Rules};
use crate::graph::{Affiliate, Graph, Kind, TraitValue};
use crate::plan::Analysis;
use crate::resolution::Person;
use crate::tombstones::Tombstones;

/// The payee of an affiliate; `None` if it has none yet, or if the one that it had was deleted.
fn payee(graph: &Graph, tombstones: &Tombstones, affiliate: &Affiliate) -> Option<Digest> {
    affiliate.payee.filter(|payee| !is_deleted(graph, tombstones, *payee))
}

fn is_deleted(graph: &Graph, tombstones: &Tombstones, payee: Digest) -> bool {
    let Some(identifier) = graph.identifiers.get(&payee) else { return false };
    let tombstone = if identifier.kind == Kind::Address { identifier.named } else { tombstones.on(payee) };
    tombstone.is_some_and(|tombstone| identifier.traits.values().all(|stated| stated.stamp.time <= tombstone))
}

/// The payee of a person's affiliate. If it has none, or the person has no affiliate, it is the person itself.
pub(crate) fn payee_of(
    graph: &Graph,
    tombstones: &Tombstones,
    person: &Person<'_>,
    affiliate: Option<&Affiliate>,
) -> Digest {
    affiliate.and_then(|affiliate| payee(graph, tombstones, affiliate)).unwrap_or(person.root)
}

/// Whether something is held back from a person's affiliate: without the payee, it would be sent another payout field.
#[must_use]
pub fn is_held_back(person: &Person<'_>, rules: &Rules) -> bool {
    let Some(key) = rules.paypal_trait.as_deref() else { return false };
    let text = |stated: Option<&'_ TraitValue>| {
        stated.and_then(|stated| rules.text_of(PAYPAL, stated)).unwrap_or_default().to_owned()
    };
    text(person.traits.get(key).copied()) != text(person.payout)
}

/// The result of settling a graph for one of its affiliates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Review {
    /// Its payee from now on.
    pub(crate) payee: Option<Digest>,
    /// Whether a payout field is held back from it.
    pub(crate) held_back: bool,
    /// Its stuck fields.
    pub(crate) stuck: Vec<Text>,
}

/// Reviews every affiliate of a graph, in order.
pub(crate) fn review(analysis: &Analysis<'_>) -> Vec<Review> {
    let one = |affiliate: &Affiliate| {
        let owner = analysis.resolution.person(affiliate.address);
        let owner = owner.filter(|owner| analysis.resolution.bound(analysis.graph, owner) == Some(affiliate));
        let known = payee(analysis.graph, &analysis.tombstones, affiliate);
        let first = owner.filter(|_| affiliate.id.is_some()).map(|owner| owner.root);
        let there = affiliate.id.is_some() && !affiliate.gone;
        let stuck = match owner {
            _ if !there => Vec::new(),
            _ if affiliate.scrubbed => not_scrubbed(affiliate),
            Some(owner) => stuck(owner, analysis.rules, affiliate),
            None => Vec::new(),
        };
        Review {
            stuck,
            payee: known.or(first),
            held_back: there && owner.is_some_and(|owner| is_held_back(owner, analysis.rules)),
        }
    };
    analysis.graph.affiliates.iter().map(one).collect()
}

/// The result of an operator's confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The numeric id of the affiliate.
    pub affiliate: u64,
    /// Its former payee.
    pub from: Option<Digest>,
    /// Its payee from now on.
    pub to: Digest,
}

/// Applies an operator's confirmation: makes the profile whose statement is held back the payee of an affiliate, or its present
/// holder, if nobody states anything any more. `None` if `identifier` belongs to no person with an affiliate from which a payout
/// field is held back.
pub fn confirm(graph: &mut Graph, rules: &Rules, identifier: Digest) -> Option<Confirmed> {
    let analysis = Analysis::of(graph, rules);
    let person = analysis.resolution.person(identifier)?;
    let bound = analysis.resolution.bound(graph, person)?;
    if bound.gone || !is_held_back(person, rules) {
        return None;
    }
    let confirmed =
        Confirmed { affiliate: bound.id?, from: bound.payee, to: states_newest(&analysis, person) };
    let mine = graph.affiliates.iter_mut().filter(|affiliate| affiliate.id == Some(confirmed.affiliate));
    mine.for_each(|affiliate| affiliate.payee = Some(confirmed.to));
    Some(confirmed)
}

/// The profile of a person that states the payout field last, else the person's own.
fn states_newest(analysis: &Analysis<'_>, person: &Person<'_>) -> Digest {
    let key = analysis.rules.paypal_trait.as_deref().unwrap_or_default();
    let newest = person.traits.get(key).copied();
    let states = |profile: &Digest| {
        let stated = analysis.graph.identifiers.get(profile).and_then(|profile| profile.traits.get(key));
        stated.is_some() && stated == newest
    };
    let mut profiles = std::iter::once(person.root).chain(person.profiles.iter().copied());
    profiles.find(states).unwrap_or(person.root)
}
