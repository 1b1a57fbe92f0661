//! Folds events into a graph: a pure function of the events that does not depend on order or repetition.

mod name;
mod retract;
mod retry;
mod statement;
mod traits;

use uuid::Uuid;

use crate::Text;
use crate::digest::Digest;
use crate::graph::{Claim, EventState, Graph, Identifier, Kind, Lane, Sighting, TrackedEvent};
use crate::stamp::{Moment, Span};
use crate::tombstones::Tombstones;

pub use name::Name;
pub use retract::retract;
use retry::state_address_again;
pub use retry::{clear_refusals, retry_refused};
pub use statement::{AddressClass, Deletion, Statement};
use traits::{keep_beside, write_beside, write_traits};

/// The key under which an event states an address.
pub(crate) const EMAIL: Text = Text::new_static("email");

/// Merges the graph of a linked identifier into this one. Steps that were given up are tried again, because they may concern
/// other persons now.
pub fn merge(into: &mut Graph, other: Graph) {
    into.identifiers.extend(other.identifiers);
    into.claims.extend(other.claims);
    into.sightings.extend(other.sightings);
    into.affiliates.extend(other.affiliates);
    into.events.extend(other.events);
    into.sort();
    into.retries.extend(other.retries);
    reset_retries(into);
}

/// Folds an identify. It must name at least one identifier; without one nothing happens. Returns the events that it
/// repeats: those that are blamed for the refusal of a value, or of the address, that it states again.
pub fn identify(graph: &mut Graph, statement: &Statement) -> Vec<Uuid> {
    let Some(strongest) = statement.digests().first().copied() else { return Vec::new() };
    name_all(graph, statement);
    link(graph, statement);
    let tombstones = Tombstones::of(graph);
    let mut repeated = Vec::new();
    if !tombstones.covers(strongest, statement.stamp.time) {
        repeated = write_traits(graph, strongest, statement);
        repeated.extend(state_address_again(graph, statement));
        repeated.sort_unstable();
        repeated.dedup();
        write_beside(graph, statement);
        reset_retries(graph);
    }
    keep(
        graph,
        TrackedEvent {
            event: statement.event,
            state: EventState::Pending,
            outcomes: 0,
            delete: false,
            identifier: strongest,
            address: statement.address.as_ref().map(|(name, _)| name.digest),
            keys: statement.keys(),
            stamp: statement.stamp.clone(),
            lane: statement.lane,
            sent_by: None,
            unusable: statement.unusable.clone(),
            refused_key: None,
            unmatched: false,
        },
    );
    repeated
}

/// Folds a delete. It must name at least one identifier; without one nothing happens.
pub fn delete(graph: &mut Graph, deletion: &Deletion) {
    let Some(strongest) = deletion.digests().first().copied() else { return };
    let unmatched = deletion.unusable.is_none() && !deletion.digests().iter().any(|name| graph.knows(*name));
    apply_tombstones(graph, deletion);
    keep(
        graph,
        TrackedEvent {
            event: deletion.event,
            state: EventState::Pending,
            outcomes: 0,
            delete: true,
            identifier: strongest,
            address: deletion.addresses.first().map(|name| name.digest),
            keys: Vec::new(),
            stamp: deletion.stamp.clone(),
            lane: Lane::Live,
            sent_by: None,
            unusable: deletion.unusable.clone(),
            refused_key: None,
            unmatched,
        },
    );
}

/// Puts a delete's tombstones on the identifiers that it names, without keeping the event: another graph does.
pub fn apply_tombstones(graph: &mut Graph, deletion: &Deletion) {
    let time = deletion.stamp.time;
    let addresses = deletion.addresses.iter().map(|name| (name, Kind::Address));
    let users = deletion.user.iter().map(|name| (name, Kind::User));
    let anonymous = deletion.anonymous.iter().map(|name| (name, Kind::Anonymous));
    for (name, kind) in users.chain(addresses).chain(anonymous) {
        let identifier = mention(graph, name, kind, time);
        identifier.named = identifier.named.max(Some(time));
    }
    reset_retries(graph);
}

fn name_all(graph: &mut Graph, statement: &Statement) {
    let time = statement.stamp.time;
    if let Some(user) = &statement.user {
        mention(graph, user, Kind::User, time);
    }
    if let Some((address, _)) = &statement.address {
        mention(graph, address, Kind::Address, time);
    }
    if let Some(anonymous) = &statement.anonymous {
        mention(graph, anonymous, Kind::Anonymous, time);
    }
}

fn mention<'g>(graph: &'g mut Graph, name: &Name, kind: Kind, time: Moment) -> &'g mut Identifier {
    let identifier = graph.identifiers.entry(name.digest).or_insert_with(|| Identifier::new(kind));
    identifier.stated_at = identifier.stated_at.max(Some(time));
    if identifier.sealed.is_none() {
        identifier.sealed = Some((name.seal)());
    }
    if name.refused.is_some() {
        identifier.refused.clone_from(&name.refused);
    }
    identifier
}

fn link(graph: &mut Graph, statement: &Statement) {
    let span = Span::of(&statement.stamp);
    let address = statement.address.as_ref().map(|(name, class)| (name.digest, *class));
    if let (Some(user), Some((address, class))) = (&statement.user, address) {
        claim(graph, user.digest, address, class, &span);
    }
    let stronger = statement.user.as_ref().map(|user| user.digest).or(address.map(|(digest, _)| digest));
    if let (Some(anonymous), Some(with)) = (&statement.anonymous, stronger) {
        sighting(graph, anonymous.digest, with, &span);
    }
}

fn claim(graph: &mut Graph, user: Digest, address: Digest, class: AddressClass, span: &Span) {
    let known = graph.claims.binary_search_by_key(&(user, address), Claim::pair);
    let index = known.unwrap_or_else(|index| {
        keep_beside(graph, user);
        graph.claims.insert(index, Claim::new(user, address));
        index
    });
    let claim = &mut graph.claims[index];
    let slot = match class {
        AddressClass::Ordinary => &mut claim.ordinary,
        AddressClass::Engage => &mut claim.engage,
        AddressClass::Shape => &mut claim.shape,
    };
    slot.get_or_insert_with(|| span.clone()).cover(span);
}

fn sighting(graph: &mut Graph, anonymous: Digest, with: Digest, span: &Span) {
    match graph.sightings.binary_search_by_key(&(anonymous, with), Sighting::pair) {
        Ok(index) => graph.sightings[index].span.cover(span),
        Err(index) => graph.sightings.insert(index, Sighting { anonymous, with, span: span.clone() }),
    }
}

/// Makes steps that were given up due again, because there is a new statement.
fn reset_retries(graph: &mut Graph) {
    graph.retries.retain(|_, retry| !retry.given_up);
}

/// Keeps the event until it has a final outcome. A replayed event keeps its number of outcomes.
fn keep(graph: &mut Graph, event: TrackedEvent) {
    match graph.event_place(event.event) {
        Ok(place) => graph.events[place] = TrackedEvent { outcomes: graph.events[place].outcomes, ..event },
        Err(place) => graph.events.insert(place, event),
    }
}
