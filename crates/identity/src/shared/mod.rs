//! Identifiers that link too many others: they stop linking, and what they linked is taken apart.
//!
//! A placeholder that a source sends for everybody (`test@example.com`, the anonymousId of a shop's tablet, one userId
//! for all guests) makes one person of all. An identifier of which more than a set number of others has been seen is
//! therefore *shared*: it names nobody from then on, in earlier events as in later ones. Its links go, and the graph falls
//! into those parts that other links hold together.
//!
//! What counts as linked only grows: of a user the addresses that it claimed, of an address the users that claimed it, of
//! an anonymousId what it was seen with, each once, whatever has become of the other since ([`Identifier::apart`]). So
//! whether an identifier is shared does not depend on the order of events. What a user stated beside each of several
//! addresses is kept with the claim, so that it can be given back to the address.
//!
//! A tombstone that was inherited over a link stays when the link goes: what it covered has been erased. In doubt the delete
//! wins. From a delete that names an identifier which is shared already nobody inherits.
//!
//! [`Identifier::apart`]: crate::graph::Identifier::apart

mod hear;
mod parts;

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, Kind};

pub use hear::{Apart, Heard, hear, note_apart};
pub(crate) use parts::keep_newest;

/// How many others an identifier links at most. Families share an address, a customer gets a new userId with every order,
/// colleagues use one browser: some dozens are honest. One that links more is a placeholder, or a device of everybody.
pub const SHARED_AFTER: usize = 100;

/// Why an event counts for nobody, or an identifier of it does not count: the word in its outcome.
pub const SHARED: &str = "shared_identifier";

/// An identifier that has just stopped linking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The identifier.
    pub identifier: Digest,
    /// What kind of name it is.
    pub kind: Kind,
}

/// Takes a graph apart if identifiers of it link more than `after` others. `None` if there are none; then it stays as it is.
#[must_use]
pub fn take_apart(graph: &mut Graph, after: usize, rules: &Rules) -> Option<(Vec<Graph>, Vec<Shared>)> {
    let links = graph.links();
    if !graph.identifiers.values().any(|it| !it.is_shared() && links + it.apart.len() > after) {
        return None;
    }
    let mut counts = counts(graph);
    counts.retain(|_, linked| *linked > after);
    if counts.is_empty() {
        return None;
    }
    let kind = |identifier: &Digest| graph.identifiers.get(identifier).map(|it| it.kind);
    let shared = counts.keys().filter_map(|it| Some(Shared { identifier: *it, kind: kind(it)? })).collect();
    Some((parts::of(std::mem::take(graph), &counts, rules), shared))
}

/// How many others each identifier of a graph links that has not stopped linking.
fn counts(graph: &Graph) -> BTreeMap<Digest, usize> {
    let linking = graph.identifiers.iter().filter(|(_, it)| !it.is_shared());
    let mut counts: BTreeMap<Digest, usize> = linking.map(|(digest, it)| (*digest, it.apart.len())).collect();
    let claims = graph.claims.iter().flat_map(|claim| [claim.user, claim.address]);
    for end in claims.chain(graph.sightings.iter().map(|sighting| sighting.anonymous)) {
        counts.entry(end).and_modify(|linked| *linked += 1);
    }
    counts
}

/// How many others the identifier of a graph links that links the most.
#[must_use]
pub fn most_linked(graph: &Graph) -> usize {
    counts(graph).into_values().max().unwrap_or(0)
}
