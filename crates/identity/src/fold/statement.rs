//! The input of the fold: the statement of an identify, and a deletion.

use uuid::Uuid;

use super::EMAIL;
use super::name::Name;
use crate::digest::Digest;
use crate::graph::Lane;
use crate::stamp::Stamp;
use crate::{Map, Text};

/// The origin of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// An ordinary identify.
    Ordinary,
    /// Engage.
    Engage,
    /// None: the userId has the shape of an address.
    Shape,
}

/// The content of an identify, translated for Refersion.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The event.
    pub event: Uuid,
    /// The stamp that orders it.
    pub stamp: Stamp,
    /// Its lane.
    pub lane: Lane,
    /// The user.
    pub user: Option<Name>,
    /// The address, and its origin.
    pub address: Option<(Name, AddressClass)>,
    /// The anonymousId.
    pub anonymous: Option<Name>,
    /// The traits; `None` clears.
    pub traits: Map<Text, Option<Text>>,
    /// Its values that cannot be used, each with its reason, in words for an operator.
    pub unusable: Option<Text>,
}

/// A delete, and the person that it names.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The event.
    pub event: Uuid,
    /// The stamp that orders it; its time is the event's `received_at`.
    pub stamp: Stamp,
    /// The user.
    pub user: Option<Name>,
    /// Every address.
    pub addresses: Vec<Name>,
    /// The anonymousId.
    pub anonymous: Option<Name>,
    /// Its identifiers that do not count, each with its reason, in words for an operator. They are known nevertheless.
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

    /// The trait keys that it states, in order; `email` where an ordinary identify states an address.
    #[must_use]
    pub fn keys(&self) -> Vec<Text> {
        let mut keys: Vec<Text> = self.traits.keys().cloned().collect();
        if matches!(self.address, Some((_, AddressClass::Ordinary)))
            && let Err(place) = keys.binary_search(&EMAIL)
        {
            keys.insert(place, EMAIL);
        }
        keys
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
