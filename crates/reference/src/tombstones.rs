//! Tombstones: on the identifiers that a delete names, and on those that were connected with them by then.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::Identifier;
use crate::history::{History, Span};

/// The newest tombstone of each identifier that has one.
pub(crate) struct Tombstones(BTreeMap<Identifier, Timestamp>);

impl Tombstones {
    /// The time of the newest tombstone on an identifier.
    pub(crate) fn on(&self, identifier: &Identifier) -> Option<Timestamp> {
        self.0.get(identifier).copied()
    }

    pub(crate) fn on_user(&self, user: &str) -> Option<Timestamp> {
        self.on(&Identifier::User(user.to_owned()))
    }

    pub(crate) fn on_address(&self, address: &str) -> Option<Timestamp> {
        self.on(&Identifier::Address(address.to_owned()))
    }

    pub(crate) fn on_anonymous(&self, anonymous: &str) -> Option<Timestamp> {
        self.on(&Identifier::Anonymous(anonymous.to_owned()))
    }

    /// The newest tombstone that covers a claim of this user on this address.
    pub(crate) fn on_claim(&self, user: &str, address: &str) -> Option<Timestamp> {
        self.on_user(user).max(self.on_address(address))
    }

    fn raise(&mut self, identifier: Identifier, time: Timestamp) {
        let newest = self.0.entry(identifier).or_insert(time);
        *newest = time.max(*newest);
    }
}

/// Computes all tombstones. Users inherit that of a named address, addresses that of a user, and anonymousIds that of
/// either; nothing else is inherited. There are three passes in this order; each reads only the results of earlier ones.
pub(crate) fn tombstones(history: &History) -> Tombstones {
    let mut tombstones = Tombstones(history.named.clone());
    for (user, addresses) in &history.claims {
        for (address, claim) in addresses {
            let named = history.named.get(&Identifier::Address(address.clone())).copied();
            if let Some(named) = known_by(&claim.whole(), named) {
                tombstones.raise(Identifier::User(user.clone()), named);
            }
        }
    }
    for (user, addresses) in &history.claims {
        for (address, claim) in addresses {
            if let Some(inherited) = known_by(&claim.whole(), tombstones.on_user(user)) {
                tombstones.raise(Identifier::Address(address.clone()), inherited);
            }
        }
    }
    for (anonymous, sightings) in &history.sightings {
        for (stronger, span) in sightings {
            if let Some(inherited) = known_by(span, tombstones.on(stronger)) {
                tombstones.raise(Identifier::Anonymous(anonymous.clone()), inherited);
            }
        }
    }
    tombstones
}

/// The tombstone, if the identifiers were connected by the time of the delete.
fn known_by(span: &Span, tombstone: Option<Timestamp>) -> Option<Timestamp> {
    tombstone.filter(|time| span.first.0 <= *time)
}
