//! What Refersion refused is tried again.

use uuid::Uuid;

use super::Statement;
use crate::digest::Digest;
use crate::eligibility::NOT_AN_ADDRESS;
use crate::graph::{Graph, Identifier};
use crate::stamp::{Moment, Stamp};

/// How long a refused value or address that is stated again is not sent again.
const REFUSED_FOR_MICROS: i64 = 7 * 86_400_000_000;

/// The settings have changed: what Refersion refused may be taken now, and is tried again.
pub fn reconsider(graph: &mut Graph) {
    for (_, profile) in &mut graph.identifiers {
        try_again(profile);
        profile.traits.iter_mut().for_each(|(_, said)| said.refused = None);
    }
}

/// An operator says that an event shall be tried again: what stood in its way is forgotten.
pub fn forgive(graph: &mut Graph, event: Uuid, stamp: &Stamp, address: Option<Digest>) {
    let profiles = graph.identifiers.iter_mut();
    for (_, said) in profiles.flat_map(|(_, profile)| profile.traits.iter_mut()) {
        let is_its_own = said.stamp.time == stamp.time && said.stamp.key == stamp.key;
        if is_its_own || said.blame.is_some_and(|blame| blame.event == event) {
            said.refused = None;
        }
    }
    if let Some(address) = address.and_then(|address| graph.identifiers.get_mut(&address)) {
        try_again(address);
        address.searched_at = None;
    }
    graph.troubles.clear();
    graph.affiliates.retain(|affiliate| !affiliate.gone);
}

/// An address that is stated is sent again once a week has passed since Refersion refused it. Returns the event that died of
/// it, which the statement repeats. A retry of the same message by Segment is not a repeat.
pub(super) fn state_address_again(graph: &mut Graph, statement: &Statement) -> Option<Uuid> {
    let (name, _) = statement.address.as_ref()?;
    let address = graph.identifiers.get_mut(&name.digest)?;
    // Graphs of earlier programs do not say when it was refused.
    if address.refused_at.is_none_or(|refused_at| !is_refused_still(refused_at, statement.stamp.time)) {
        try_again(address);
    }
    let died = graph.events.iter().find(|kept| kept.has_died_of(name.digest))?;
    (died.stamp.key != statement.stamp.key).then_some(died.event)
}

/// Whether what Refersion refused stays refused when it is stated again.
pub(super) fn is_refused_still(refused_at: Moment, stated_at: Moment) -> bool {
    stated_at.0 < refused_at.0.saturating_add(REFUSED_FOR_MICROS)
}

/// An address that Refersion refused is sent again. One that was never sent, because it is certain to be refused, is not.
fn try_again(address: &mut Identifier) {
    if address.refused.take_if(|why| !why.starts_with(NOT_AN_ADDRESS)).is_some() {
        address.refused_at = None;
    }
}
