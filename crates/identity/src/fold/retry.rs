//! Tries values again that Refersion refused.

use uuid::Uuid;

use super::Statement;
use crate::digest::Digest;
use crate::eligibility::NOT_AN_ADDRESS;
use crate::graph::{Graph, Identifier};
use crate::stamp::{Moment, Stamp};

/// How long a refused value or address is not sent again although it is stated again.
const REFUSED_FOR_MICROS: i64 = 7 * 86_400_000_000;

/// Makes refused values due again after the settings have changed, because Refersion may accept them now.
pub fn retry_refused(graph: &mut Graph) {
    for (_, profile) in &mut graph.identifiers {
        try_again(profile);
        profile.traits.iter_mut().for_each(|(_, stated)| stated.refused = None);
    }
}

/// Removes the refusals that prevent an event from being sent, because an operator replays it.
pub fn clear_refusals(graph: &mut Graph, event: Uuid, stamp: &Stamp, address: Option<Digest>) {
    let profiles = graph.identifiers.iter_mut();
    for (_, stated) in profiles.flat_map(|(_, profile)| profile.traits.iter_mut()) {
        let is_its_own = stated.stamp.time == stamp.time && stated.stamp.key == stamp.key;
        if is_its_own || stated.blame.is_some_and(|blame| blame.event == event) {
            stated.refused = None;
        }
    }
    if let Some(address) = address.and_then(|address| graph.identifiers.get_mut(&address)) {
        try_again(address);
        address.searched_at = None;
    }
    graph.retries.clear();
    graph.affiliates.retain(|affiliate| !affiliate.gone);
}

/// Makes a stated address due again if a week has passed since Refersion refused it. Returns the event that is dead because of
/// the address, which the statement repeats. A retry of the same message by Segment is not a repeat.
pub(super) fn state_address_again(graph: &mut Graph, statement: &Statement) -> Option<Uuid> {
    let (name, _) = statement.address.as_ref()?;
    let address = graph.identifiers.get_mut(&name.digest)?;
    // Graphs of earlier programs do not say when it was refused.
    if address.refused_at.is_none_or(|refused_at| !is_refused_still(refused_at, statement.stamp.time)) {
        try_again(address);
    }
    let died = graph.events.iter().find(|kept| kept.is_dead_by_address(name.digest))?;
    (died.stamp.key != statement.stamp.key).then_some(died.event)
}

/// Whether a refused value stays suppressed when it is stated again.
pub(super) fn is_refused_still(refused_at: Moment, stated_at: Moment) -> bool {
    stated_at.0 < refused_at.0.saturating_add(REFUSED_FOR_MICROS)
}

/// Makes a refused address due again, except one that was never sent because it is certain to be refused.
fn try_again(address: &mut Identifier) {
    if address.refused.take_if(|why| !why.starts_with(NOT_AN_ADDRESS)).is_some() {
        address.refused_at = None;
    }
}
