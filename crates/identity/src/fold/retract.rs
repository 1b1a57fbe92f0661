//! Replaces the former version of a repaired event.

use uuid::Uuid;

use crate::graph::{Graph, TraitValue};
use crate::stamp::Stamp;

/// Forgets an event that an operator has repaired, and the statements of its former versions, unless something newer was
/// stated since. The repaired version is folded next, perhaps into another graph. `stamp` is that of the repaired version.
/// Identifiers that the former ones linked stay linked: the newer link counts. Returns whether anything was removed.
pub fn retract(graph: &mut Graph, event: Uuid, stamp: &Stamp) -> bool {
    let is_former = |stated: &TraitValue| {
        let other = &stated.stamp;
        other.time == stamp.time
            && other.received == stamp.received
            && other.key == stamp.key
            && other.revision < stamp.revision
    };
    let mut any = graph.forget(event);
    for (_, profile) in &mut graph.identifiers {
        let before = profile.traits.len();
        profile.traits.retain(|_, stated| !is_former(stated));
        any |= profile.traits.len() < before;
    }
    for claim in &mut graph.claims {
        let before = claim.beside.len();
        claim.beside.retain(|_, stated| !is_former(stated));
        any |= claim.beside.len() < before;
    }
    any
}
