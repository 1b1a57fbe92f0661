//! Decides whose door a key opens, and remembers it.
//!
//! What is remembered keeps the key store out of the way of a million requests, and keeps the door open for known keys
//! while the store is down: Segment throws away what gets a 401, so "not known" is said only by a store that answers.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use crate::Keys;
use crate::failures::Failures;
use crate::refused::Refused;

/// How a key is remembered: its SHA-256, so that memory holds no key for longer than a request.
pub(crate) type KeyDigest = [u8; 32];

/// For how long a known key is taken without asking again. A removed connection's key opens the door as long.
const FRESH: Duration = Duration::from_secs(10);

/// For how long a wrong key is refused without asking again.
const WRONG: Duration = Duration::from_secs(1);

/// How long the store may take to answer.
const ASKING: Duration = Duration::from_secs(2);

/// Keys that are remembered, right ones and wrong ones each; beyond, the longest unused is forgotten.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// The key check of the door.
pub(crate) struct Guard {
    keys: Arc<dyn Keys>,
    memory: Mutex<Memory>,
}

struct Memory {
    known: LruCache<KeyDigest, Known>,
    wrong: LruCache<KeyDigest, Instant>,
    failures: Failures,
}

#[derive(Clone, Copy)]
struct Known {
    connection: i64,
    asked_at: Instant,
}

/// What memory says about a key.
enum Verdict {
    Known(i64),
    /// Known, but somebody should ask again: this caller. The others go on with what is known.
    Stale(i64),
    Wrong,
    Unknown,
    TooMany(Duration),
}

impl Guard {
    pub(crate) fn new(keys: Arc<dyn Keys>, failed_keys_per_minute: usize) -> Self {
        let (known, wrong) = (LruCache::new(REMEMBERED), LruCache::new(REMEMBERED));
        let failures = Failures::new(failed_keys_per_minute);
        Self { keys, memory: Mutex::new(Memory { known, wrong, failures }) }
    }

    /// The connection of this key, sent from this address.
    pub(crate) async fn connection_for(&self, address: IpAddr, api_key: &str) -> Result<i64, Refused> {
        let digest: KeyDigest = Sha256::digest(api_key).into();
        let verdict = self.memory().verdict(address, &digest, Instant::now());
        let known_before = match verdict {
            Verdict::Known(connection) => return Ok(connection),
            Verdict::Wrong => return Err(Refused::UnknownKey),
            Verdict::TooMany(wait) => return Err(Refused::TooManyKeys { wait }),
            Verdict::Stale(connection) => Some(connection),
            Verdict::Unknown => None,
        };
        match timeout(ASKING, self.keys.connection_for(api_key)).await {
            Ok(Ok(Some(connection))) => {
                self.memory().learn(digest, connection, Instant::now());
                Ok(connection)
            }
            Ok(Ok(None)) => {
                self.memory().learn_wrong(address, digest, Instant::now());
                Err(Refused::UnknownKey)
            }
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::warn!(cause, "the key store is unavailable");
                known_before.ok_or(Refused::KeysUnavailable)
            }
            Err(_) => {
                tracing::warn!(waited_ms = ASKING.as_millis(), "the key store does not answer");
                known_before.ok_or(Refused::KeysUnavailable)
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn verdict(&mut self, address: IpAddr, digest: &KeyDigest, now: Instant) -> Verdict {
        if let Some(known) = self.known.get_mut(digest) {
            if now < known.asked_at + FRESH {
                return Verdict::Known(known.connection);
            }
            known.asked_at = now;
            return Verdict::Stale(known.connection);
        }
        if self.wrong.get(digest).is_some_and(|asked_at| now < *asked_at + WRONG) {
            return Verdict::Wrong;
        }
        match self.failures.check(address, digest, now) {
            Ok(()) => Verdict::Unknown,
            Err(wait) => Verdict::TooMany(wait),
        }
    }

    fn learn(&mut self, digest: KeyDigest, connection: i64, now: Instant) {
        self.wrong.pop(&digest);
        self.known.put(digest, Known { connection, asked_at: now });
    }

    fn learn_wrong(&mut self, address: IpAddr, digest: KeyDigest, now: Instant) {
        self.known.pop(&digest);
        self.wrong.put(digest, now);
        self.failures.count(address, digest, now);
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
