//! An event goes into a graph. Folding is a pure function of the events, whatever their order and repetition.

mod name;
mod retract;
mod retry;
mod traits;

use uuid::Uuid;

use crate::digest::Digest;
use crate::graph::{Claim, EventState, Graph, Identifier, Kind, Lane, Sighting, TrackedEvent};
use crate::stamp::{Moment, Span, Stamp};
use crate::tombstones::Tombstones;
use crate::{Map, Text};

pub use name::Name;
pub use retract::retract;
use retry::state_address_again;
pub use retry::{forgive, reconsider};
use traits::{keep_beside, write_beside, write_traits};

/// What an event says that states an address.
pub(crate) const EMAIL: Text = Text::new_static("email");

/// Who states an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// An ordinary identify.
    Ordinary,
    /// Engage.
    Engage,
    /// Nobody: the userId has the shape of an address.
    Shape,
}

/// What an identify says, in Refersion's meaning.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The event.
    pub event: Uuid,
    /// What orders it.
    pub stamp: Stamp,
    /// Its lane.
    pub lane: Lane,
    /// The user.
    pub user: Option<Name>,
    /// The address, and who states it.
    pub address: Option<(Name, AddressClass)>,
    /// The anonymousId.
    pub anonymous: Option<Name>,
    /// The traits; `None` clears.
    pub traits: Map<Text, Option<Text>>,
    /// Its values that cannot be used, each with its reason, in words for an operator.
    pub unusable: Option<Text>,
}

/// Whom a delete names.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The event.
    pub event: Uuid,
    /// What orders it; its time is its `received_at`.
    pub stamp: Stamp,
    /// The user.
    pub user: Option<Name>,
    /// Every address.
    pub addresses: Vec<Name>,
    /// The anonymousId.
    pub anonymous: Option<Name>,
    /// Its identifiers that do not count, each with its reason, in words for an operator. They are known all the same.
    pub unusable: Option<Text>,
}

impl Statement {
    /// The identifiers that it names, strongest first.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        let address = self.address.as_ref().map(|(name, _)| name);
        [self.user.as_ref(), address, self.anonymous.as_ref()]
            .into_iter()
            .flatten()
            .map(|n| n.digest)
            .collect()
    }

    /// The trait keys that it says, in order; `email` where an ordinary identify states an address.
    #[must_use]
    pub fn says(&self) -> Vec<Text> {
        let mut says: Vec<Text> = self.traits.keys().cloned().collect();
        if matches!(self.address, Some((_, AddressClass::Ordinary)))
            && let Err(place) = says.binary_search(&EMAIL)
        {
            says.insert(place, EMAIL);
        }
        says
    }
}

impl Deletion {
    /// The identifiers that it names, strongest first.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        let names = self.user.iter().chain(&self.addresses).chain(&self.anonymous);
        names.map(|name| name.digest).collect()
    }

    /// The same delete for the names that are not `apart`, and for those that are.
    #[must_use]
    pub fn divide(&self, apart: impl Fn(Digest) -> bool) -> (Self, Self) {
        let some = |is_apart: bool| {
            let fits = |name: &Name| apart(name.digest) == is_apart;
            Self {
                user: self.user.clone().filter(&fits),
                addresses: self.addresses.iter().filter(|name| fits(name)).cloned().collect(),
                anonymous: self.anonymous.clone().filter(&fits),
                ..self.clone()
            }
        };
        (some(false), some(true))
    }

    /// The same delete for each name by itself, strongest first.
    #[must_use]
    pub fn by_name(&self) -> Vec<Self> {
        let nobody = || Self { user: None, addresses: Vec::new(), anonymous: None, ..self.clone() };
        let user = self.user.iter().map(|name| Self { user: Some(name.clone()), ..nobody() });
        let addresses = self.addresses.iter().map(|name| Self { addresses: vec![name.clone()], ..nobody() });
        let anonymous = self.anonymous.iter().map(|name| Self { anonymous: Some(name.clone()), ..nobody() });
        user.chain(addresses).chain(anonymous).collect()
    }
}

/// Joins the graph of a linked identifier into this one. What was given up is tried again, since others may be concerned
/// now.
pub fn merge(into: &mut Graph, other: Graph) {
    into.identifiers.extend(other.identifiers);
    into.claims.extend(other.claims);
    into.sightings.extend(other.sightings);
    into.affiliates.extend(other.affiliates);
    into.events.extend(other.events);
    into.sort();
    into.troubles.extend(other.troubles);
    reset_retries(into);
}

/// Folds an identify. It must name at least one identifier; without one nothing happens. Returns the events that it
/// repeats: those to which the refusal of a value, or of the address, is ascribed that it states again.
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
            standing: EventState::Pending,
            outcomes: 0,
            delete: false,
            identifier: strongest,
            address: statement.address.as_ref().map(|(name, _)| name.digest),
            says: statement.says(),
            stamp: statement.stamp.clone(),
            lane: statement.lane,
            told_by: None,
            unusable: statement.unusable.clone(),
            died_of: None,
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
            standing: EventState::Pending,
            outcomes: 0,
            delete: true,
            identifier: strongest,
            address: deletion.addresses.first().map(|name| name.digest),
            says: Vec::new(),
            stamp: deletion.stamp.clone(),
            lane: Lane::Live,
            told_by: None,
            unusable: deletion.unusable.clone(),
            died_of: None,
            unmatched,
        },
    );
}

/// Puts a delete's tombstones on what it names, and does not keep the event: another graph does.
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
    identifier.said_at = identifier.said_at.max(Some(time));
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

/// Something new was said, so what had been given up is tried again.
fn reset_retries(graph: &mut Graph) {
    graph.troubles.retain(|_, trouble| !trouble.given_up);
}

/// Remembers the event until it comes to rest. A replayed event keeps its number of outcomes.
fn keep(graph: &mut Graph, event: TrackedEvent) {
    match graph.event_place(event.event) {
        Ok(place) => graph.events[place] = TrackedEvent { outcomes: graph.events[place].outcomes, ..event },
        Err(place) => graph.events.insert(place, event),
    }
}
