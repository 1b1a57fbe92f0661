//! Asks the key store: once for requests with the same key at the same time, and with a limit of questions at once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OnceCell, Semaphore};

use crate::guard::{Key, KeyDigest};
use crate::{Keys, KeysUnavailable};

/// Lookups under way at the same time.
const AT_ONCE: usize = 32;

/// The part of these that is for clients that have tried too many wrong keys. Such clients wait only for each other, and no
/// other client waits for them.
const SUSPECT_AT_ONCE: usize = 8;

/// The answer of the store, or why there is none.
pub(crate) type Found = Result<Owner, Arc<KeysUnavailable>>;

/// The owner of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This connection.
    Connection(i64),
    /// Nobody, though others have keys.
    Nobody,
    /// Nobody has any key: the store is new, or not the right one, so nothing is known about this key.
    NoKeys,
}

/// The lookups under way.
pub(crate) struct Lookups {
    keys: Arc<dyn Keys>,
    trusted: Semaphore,
    suspect: Semaphore,
    pending: Mutex<HashMap<KeyDigest, Pending>>,
}

/// A lookup under way, and how many requests wait for it.
#[derive(Default)]
struct Pending {
    parts: usize,
    found: Arc<OnceCell<Found>>,
}

/// One request's part in a lookup.
struct Part<'a> {
    lookups: &'a Lookups,
    digest: KeyDigest,
    found: Arc<OnceCell<Found>>,
}

impl Lookups {
    pub(crate) fn new(keys: Arc<dyn Keys>) -> Self {
        let (trusted, suspect) = (AT_ONCE - SUSPECT_AT_ONCE, SUSPECT_AT_ONCE);
        let (trusted, suspect) = (Semaphore::new(trusted), Semaphore::new(suspect));
        Self { keys, trusted, suspect, pending: Mutex::default() }
    }

    /// The connection of a key, from the store. If the caller is cancelled, another request with the same key goes on.
    pub(crate) async fn find(&self, digest: KeyDigest, key: Key<'_>, is_suspect: bool) -> Found {
        let part = self.join(digest);
        let turns = if is_suspect { &self.suspect } else { &self.trusted };
        part.found
            .get_or_init(|| async {
                let _turn = turns.acquire().await.map_err(KeysUnavailable::new)?;
                self.look_up(key).await.map_err(Arc::new)
            })
            .await
            .clone()
    }

    async fn look_up(&self, key: Key<'_>) -> Result<Owner, KeysUnavailable> {
        let owner = match key {
            Key::Api(key) => self.keys.connection_for(key).await?,
            Key::Write(key) => self.keys.connection_for_write_key(key).await?,
        };
        match owner {
            Some(connection) => Ok(Owner::Connection(connection)),
            None if self.keys.any().await? => Ok(Owner::Nobody),
            None => Ok(Owner::NoKeys),
        }
    }

    /// Whether any connection has a key.
    pub(crate) async fn any(&self) -> Result<bool, KeysUnavailable> {
        let _turn = self.trusted.acquire().await.map_err(KeysUnavailable::new)?;
        self.keys.any().await
    }

    fn join(&self, digest: KeyDigest) -> Part<'_> {
        let mut pending = self.lock();
        let lookup = pending.entry(digest).or_default();
        lookup.parts += 1;
        Part { lookups: self, digest, found: Arc::clone(&lookup.found) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyDigest, Pending>> {
        self.pending.lock()
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut pending = self.lookups.lock();
        let Some(lookup) = pending.get_mut(&self.digest) else { return };
        // It may be a later lookup of the same key.
        if Arc::ptr_eq(&lookup.found, &self.found) {
            lookup.parts -= 1;
            if lookup.parts == 0 || lookup.found.initialized() {
                pending.remove(&self.digest);
            }
        }
    }
}

#[cfg(test)]
#[path = "lookups_tests.rs"]
mod tests;
