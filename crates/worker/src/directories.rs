//! Caches which connections have a directory of affiliates. Before the first walk nothing is looked up in it.

use std::collections::BTreeMap;

use connections::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use ledger::{DirectoryState, LedgerError};
use parking_lot::Mutex;

use crate::Worker;

/// How long "no walk has begun" is cached. Once a walk has begun, that no longer changes.
const NONE_FOR: SignedDuration = SignedDuration::from_secs(5);

/// The directories that one process knows of.
#[derive(Debug, Default)]
pub struct KnownDirectories(Mutex<BTreeMap<ConnectionId, Looked>>);

#[derive(Clone, Copy, Debug)]
struct Looked {
    has_begun: bool,
    at: Timestamp,
}

impl KnownDirectories {
    /// Notes the state of a connection's walks.
    pub(crate) fn note(&self, connection: ConnectionId, state: &DirectoryState, at: Timestamp) {
        self.0.lock().insert(connection, Looked { has_begun: state.has_begun(), at });
    }

    /// Whether a walk has ever begun, if that is known.
    fn known(&self, connection: ConnectionId, now: Timestamp) -> Option<bool> {
        let looked = self.0.lock().get(&connection).copied()?;
        let is_fresh = looked.has_begun || (now >= looked.at && now.duration_since(looked.at) < NONE_FOR);
        is_fresh.then_some(looked.has_begun)
    }
}

impl Worker {
    /// Whether the directory of a connection may have entries.
    pub(crate) async fn has_directory(&self, connection: ConnectionId) -> Result<bool, LedgerError> {
        if let Some(has_begun) = self.directories.known(connection, self.now()) {
            return Ok(has_begun);
        }
        let state = self.ledger.directory(connection).await?;
        self.directories.note(connection, &state, self.now());
        Ok(state.has_begun())
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Walk, WalkRequest};

    use super::*;

    #[test]
    fn the_absence_of_a_walk_is_cached_for_a_while_and_its_presence_for_good() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let (directories, none) = (KnownDirectories::default(), DirectoryState::default());
        assert_eq!(directories.known(1, at(0)), None);
        directories.note(1, &none, at(0));
        assert_eq!(directories.known(1, at(4)), Some(false));
        assert_eq!((directories.known(1, at(5)), directories.known(1, at(-1))), (None, None));
        let request = WalkRequest { asked_at: at(5), verify: false, repair: false, max_calls: None };
        let begun = DirectoryState { walk: Some(Walk::begin(request, at(5))), ..none };
        directories.note(1, &begun, at(5));
        assert_eq!((directories.known(1, at(5_000)), directories.known(2, at(5))), (Some(true), None));
    }
}
