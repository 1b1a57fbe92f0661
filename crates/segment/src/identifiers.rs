//! The identifiers of an event, without those that name nobody.

use crate::event::BlockedIdentifier;
use crate::fields::Fields;
use crate::{Blocked, text};

/// Looks for identifiers, and remembers blocked ones.
pub(crate) struct IdentifierReader<'o> {
    blocked: &'o Blocked,
    found_blocked: Vec<BlockedIdentifier>,
}

impl<'o> IdentifierReader<'o> {
    pub(crate) fn new(blocked: &'o Blocked) -> Self {
        Self { blocked, found_blocked: Vec::new() }
    }

    /// The first usable `userId`.
    pub(crate) fn user(&mut self, top: &Fields<'_>) -> Option<String> {
        top.all("userid").filter_map(text::identifier).find(|id| self.counts("userId", id))
    }

    /// The first usable `anonymousId`.
    pub(crate) fn anonymous(&mut self, top: &Fields<'_>) -> Option<String> {
        top.all("anonymousid").filter_map(text::identifier).find(|id| self.counts("anonymousId", id))
    }

    /// An address, if it counts.
    pub(crate) fn counting(&mut self, address: String) -> Option<String> {
        Some(address).filter(|address| self.counts("email", address))
    }

    /// Whether nothing was blocked.
    pub(crate) fn blocked_none(&self) -> bool {
        self.found_blocked.is_empty()
    }

    /// The blocked identifiers, each once.
    pub(crate) fn into_blocked(mut self) -> Vec<BlockedIdentifier> {
        self.found_blocked.sort();
        self.found_blocked.dedup();
        self.found_blocked
    }

    fn counts(&mut self, place: &'static str, identifier: &str) -> bool {
        let name = self.blocked.name(identifier);
        let counts = name.is_none();
        self.found_blocked.extend(name.map(|name| BlockedIdentifier { place, name }));
        counts
    }
}
