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

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, Kind};

pub use hear::{Apart, Heard, hear, left_out, note_apart};

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
    // Hardly any graph has that many links, and this is asked for each event.
    let links = graph.links();
    if !graph.identifiers.values().any(|it| !it.is_shared() && links + it.apart.len() > after) {
        return None;
    }
    let over: Vec<(Shared, usize)> =
        counts(graph).into_iter().filter(|(_, linked)| *linked > after).collect();
    if over.is_empty() {
        return None;
    }
    let linked = over.iter().map(|(it, linked)| (it.identifier, *linked)).collect();
    let parts = parts::of(std::mem::take(graph), &linked, rules);
    Some((parts, over.into_iter().map(|(it, _)| it).collect()))
}

/// The identifiers of a graph that have not stopped linking, each with the number of others that it links.
fn counts(graph: &Graph) -> Vec<(Shared, usize)> {
    let claims = graph.claims.iter().flat_map(|claim| [claim.user, claim.address]);
    let ends = claims.chain(graph.sightings.iter().map(|sighting| sighting.anonymous));
    let mut ends: Vec<Digest> = ends.collect();
    ends.sort_unstable();
    let links = |identifier: &Digest| {
        let first = ends.partition_point(|end| end < identifier);
        ends[first..].partition_point(|end| end == identifier)
    };
    let linking = graph.identifiers.iter().filter(|(_, it)| !it.is_shared());
    linking
        .map(|(digest, it)| (Shared { identifier: *digest, kind: it.kind }, it.apart.len() + links(digest)))
        .collect()
}

/// How many others the identifier of a graph links that links the most.
#[must_use]
pub fn most_linked(graph: &Graph) -> usize {
    counts(graph).into_iter().map(|(_, linked)| linked).max().unwrap_or(0)
}
