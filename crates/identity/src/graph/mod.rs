//! The content of one identity graph.

mod affiliate;
mod event;
mod identifier;
pub mod packed;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digest::Digest;
use crate::stamp::{Moment, Span, Stamp};
use crate::{Map, Text};

pub use affiliate::{Affiliate, Status};
pub use event::{EventState, Lane, SentBy, TrackedEvent};
pub(crate) use identifier::keep_newest;
pub use identifier::{Blame, Identifier, Kind, TraitValue};

/// The identifiers that claims and sightings link, with everything that is stored about them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Graph {
    /// Every identifier, with its profile.
    pub identifiers: Map<Digest, Identifier>,
    /// Which user claimed which address, in order of both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// Which anonymousId was seen with which stronger identifier, in order of both.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sightings: Vec<Sighting>,
    /// The affiliates that Refersion has, or may have, for these identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub affiliates: Vec<Affiliate>,
    /// Events that are pending, or whose outcome may still change (remembered, dead), in order of their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<TrackedEvent>,
    /// Retry states, by the address that the failed call was about.
    #[serde(rename = "troubles", skip_serializing_if = "Map::is_empty")]
    pub retries: Map<Digest, RetryState>,
}

impl Graph {
    /// Sorts links and events, so that they can be found. Earlier versions stored them unsorted.
    pub(crate) fn sort(&mut self) {
        self.claims.sort_by_key(Claim::pair);
        self.sightings.sort_by_key(Sighting::pair);
        self.events.sort_by_key(|kept| kept.event);
    }

    /// The place of an event, or where it belongs.
    pub(crate) fn event_place(&self, event: Uuid) -> Result<usize, usize> {
        self.events.binary_search_by_key(&event, |kept| kept.event)
    }

    /// An event that is kept.
    pub fn event_mut(&mut self, event: Uuid) -> Option<&mut TrackedEvent> {
        let place = self.event_place(event).ok()?;
        self.events.get_mut(place)
    }

    /// Removes an event, which gets its outcome outside the graph. Returns whether it was there.
    pub fn forget(&mut self, event: Uuid) -> bool {
        let place = self.event_place(event);
        place.map(|place| self.events.remove(place)).is_ok()
    }

    /// Number of claims and sightings.
    #[must_use]
    pub fn links(&self) -> usize {
        self.claims.len() + self.sightings.len()
    }

    /// The two ends of every link, the stronger or the weaker first.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (Digest, Digest)> + '_ {
        self.claims.iter().map(Claim::pair).chain(self.sightings.iter().map(Sighting::pair))
    }

    /// Whether an affiliate at an address is known.
    pub(crate) fn has_affiliate_at(&self, address: Digest) -> bool {
        self.affiliates.iter().any(|affiliate| affiliate.address == address)
    }

    /// The claim of a user on an address.
    pub(crate) fn claim(&self, user: Digest, address: Digest) -> Option<&Claim> {
        let place = self.claims.binary_search_by_key(&(user, address), Claim::pair).ok()?;
        self.claims.get(place)
    }

    /// Whether anything but a delete was ever known of an identifier.
    #[must_use]
    pub(crate) fn knows(&self, identifier: Digest) -> bool {
        let profile = self.identifiers.get(&identifier);
        profile.is_some_and(|it| !it.traits.is_empty() || it.existed || it.is_shared())
            || self.claims.iter().any(|claim| claim.user == identifier || claim.address == identifier)
            || self.sightings.iter().any(|it| it.anonymous == identifier || it.with == identifier)
            || self.has_affiliate_at(identifier)
            || self.events.iter().any(|kept| !kept.delete && kept.identifier == identifier)
    }

    /// Whether a claim or a sighting links two identifiers, of which `stronger` is the stronger.
    #[must_use]
    pub fn is_linked(&self, stronger: Digest, weaker: Digest) -> bool {
        self.claims.binary_search_by_key(&(stronger, weaker), Claim::pair).is_ok()
            || self.sightings.binary_search_by_key(&(weaker, stronger), Sighting::pair).is_ok()
    }
}

/// One user's statements that an address is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The user.
    pub user: Digest,
    /// The address.
    pub address: Digest,
    /// The statements of ordinary identifies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinary: Option<Span>,
    /// Engage's statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engage: Option<Span>,
    /// The statements that the shape of the userId makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Span>,
    /// The traits that the user stated together with the address; the last writer wins. They are kept while the user claims
    /// several addresses: if these turn out to belong to several people, this is what is known about each ([`crate::shared`]).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub beside: Map<Text, TraitValue>,
}

impl Claim {
    /// A claim without statements.
    pub(crate) fn new(user: Digest, address: Digest) -> Self {
        Self { user, address, ordinary: None, engage: None, shape: None, beside: Map::new() }
    }

    /// The key by which it is found.
    pub(crate) fn pair(&self) -> (Digest, Digest) {
        (self.user, self.address)
    }

    /// The spans of the classes that occur.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        [&self.ordinary, &self.engage, &self.shape].into_iter().flatten()
    }

    /// The same, to be changed.
    pub(crate) fn spans_mut(&mut self) -> impl Iterator<Item = &mut Span> {
        [&mut self.ordinary, &mut self.engage, &mut self.shape].into_iter().flatten()
    }

    /// The first statement of any class.
    #[must_use]
    pub fn first(&self) -> Option<&Stamp> {
        self.spans().map(|span| &span.first).min()
    }

    /// The last statement of any class, covered or not.
    #[must_use]
    pub fn last(&self) -> Option<&Stamp> {
        self.spans().map(|span| &span.last).max()
    }
}

/// A sighting: an anonymousId together with a stronger identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The anonymousId.
    pub anonymous: Digest,
    /// The user or address that it was seen with.
    pub with: Digest,
    /// First and last time.
    pub span: Span,
}

impl Sighting {
    /// The key by which it is found.
    pub(crate) fn pair(&self) -> (Digest, Digest) {
        (self.anonymous, self.with)
    }
}

/// The failures of the step about an address, and when to retry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryState {
    /// Number of calls that failed in a row.
    pub attempts: u32,
    /// When the first of them failed.
    pub since: Moment,
    /// The earliest time of the next attempt.
    pub due_at: Moment,
    /// The class of the last failure.
    pub class: String,
    /// Refersion's message, without any value of a person.
    pub message: String,
    /// Whether attempts and time are used up: nothing is tried until there is a newer statement or an operator replays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}
