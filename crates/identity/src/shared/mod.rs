//! Identifiers that link too many others: they stop linking, and their graph is split.
//!
//! A placeholder that a source sends for everybody (`test@example.com`, the anonymousId of a shop's tablet, one userId for
//! all guests) would merge all of them into one person. An identifier that was seen with more than a set number of others
//! is therefore *shared*: it names nobody from then on, in earlier events as in later ones. Its links are removed, and the
//! graph is split into the parts that other links hold together.
//!
//! The set of linked identifiers only grows: for a user the addresses that it claimed, for an address the users that
//! claimed it, for an anonymousId the identifiers that it was seen with, each once, whatever happened to the other since
//! ([`Identifier::apart`]). So whether an identifier is shared does not depend on the order of events. Traits that a user
//! stated together with each of several addresses are kept with the claim, so that they can be given back to the address.
//!
//! A tombstone that was inherited over a link stays when the link is removed, because its data has been erased: in doubt the
//! delete wins. A delete that names an identifier that is shared already is not passed on.
//!
//! [`Identifier::apart`]: crate::graph::Identifier::apart

mod exclude;
mod parts;

use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Graph, Kind};

pub use exclude::{Apart, WithoutShared, describe_unusable, note_apart, without_shared};

/// Maximum number of others that an identifier links. Families share an address, a customer gets a new userId with every order,
/// colleagues use one browser: some dozens are normal. An identifier that links more is a placeholder, or a shared device.
pub const SHARED_AFTER: usize = 100;

/// The reason in an outcome if an event counts for nobody, or one of its identifiers does not count.
pub const SHARED: &str = "shared_identifier";

/// An identifier that has just stopped linking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The identifier.
    pub identifier: Digest,
    /// Its kind.
    pub kind: Kind,
}

/// Splits a graph if identifiers of it link more than `after` others. `None` if there are none; then it stays as it is.
#[must_use]
pub fn split_graph(graph: &mut Graph, after: usize, rules: &Rules) -> Option<(Vec<Graph>, Vec<Shared>)> {
    // Hardly any graph has that many links, and this is checked for each event.
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

/// The greatest number of others that one identifier of a graph links.
#[must_use]
pub fn most_linked(graph: &Graph) -> usize {
    counts(graph).into_iter().map(|(_, linked)| linked).max().unwrap_or(0)
}
