//! Decides which connection a key belongs to, and remembers it.
//!
//! The cache spares the key store a million requests, and lets known keys in while the store is unavailable. Segment
//! discards an event that gets a 401, so a key counts as unknown only if the store answers, and has any key at all.
//!
//! Every key that is not in the cache is looked up, whatever else its client has sent: only answers to *wrong* keys are
//! throttled. So wrong keys never keep a right one out, even if all clients come through one proxy.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use listener::RareLog;
use lru::LruCache;
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use crate::failures::Failures;
use crate::lookups::{Lookups, Owner};
use crate::refused::Refused;
use crate::registration::Registrations;
use crate::{Keys, KeysUnavailable, keys};

/// The form in which a key is cached: its SHA-256, so that memory contains no key for longer than a request.
pub(crate) type KeyDigest = [u8; 32];

/// For how long a known key is accepted without another look-up. The key of a removed connection is accepted as long.
const FRESH: Duration = Duration::from_secs(10);

/// For how long a wrong key is refused without another look-up, and the store is assumed to have keys.
const WRONG: Duration = Duration::from_secs(1);

/// How long the store may take to answer.
const ASKING: Duration = Duration::from_secs(2);

/// Number of right keys, and of wrong keys, that are cached; beyond that, the longest unused is forgotten.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// A key as it was sent, by the kind that it has to be.
#[derive(Clone, Copy)]
pub(crate) enum Key<'a> {
    /// `publickey.secretkey`.
    Api(&'a str),
    /// The key by which client libraries name a connection.
    Write(&'a str),
}

impl<'a> Key<'a> {
    /// The kind that a key can be by its form: only an API key has a dot.
    pub(crate) fn of(text: &'a str) -> Self {
        if text.contains('.') { Self::Api(text) } else { Self::Write(text) }
    }

    fn digest(self) -> KeyDigest {
        match self {
            Self::Api(text) => Sha256::digest(text).into(),
            // A write key is not remembered as an API key of the same text, nor the reverse.
            Self::Write(text) => Sha256::new_with_prefix("write key:").chain_update(text).finalize().into(),
        }
    }
}

/// The key check of the endpoint.
pub(crate) struct Guard {
    lookups: Lookups,
    /// The registration of unknown keys.
    registrations: Option<Arc<Registrations>>,
    memory: Mutex<Memory>,
    unavailable: RareLog,
}

struct Memory {
    known: LruCache<KeyDigest, Known>,
    wrong: LruCache<KeyDigest, Instant>,
    any_at: Option<Instant>,
    failures: Failures,
}

#[derive(Clone, Copy)]
struct Known {
    connection: i64,
    asked_at: Instant,
}

/// A key in the cache.
enum CachedKey {
    Known(i64),
    /// Known, but this caller has to look it up again. Other callers use the cached connection.
    Stale(i64),
    Wrong,
    Unknown,
}

impl Guard {
    pub(crate) fn new(keys: Arc<dyn Keys>, failed_keys_per_minute: usize) -> Self {
        let (known, wrong) = (LruCache::new(REMEMBERED), LruCache::new(REMEMBERED));
        let failures = Failures::new(failed_keys_per_minute);
        let memory = Mutex::new(Memory { known, wrong, any_at: None, failures });
        let lookups = Lookups::new(keys);
        Self { lookups, registrations: None, memory, unavailable: RareLog::default() }
    }

    /// The same guard, which registers unknown keys.
    pub(crate) fn with_registrations(self, registrations: Arc<Registrations>) -> Self {
        Self { registrations: Some(registrations), ..self }
    }

    pub(crate) fn registrations(&self) -> Option<&Registrations> {
        self.registrations.as_deref()
    }

    /// The connection of this key, sent by this client.
    pub(crate) async fn connection_for(&self, client: IpAddr, key: Key<'_>) -> Result<i64, Refused> {
        let digest = key.digest();
        let cached = self.memory().cached(&digest, Instant::now());
        let known_before = match cached {
            CachedKey::Known(connection) => return Ok(connection),
            CachedKey::Wrong => return Err(self.memory().wrong(client, digest, Instant::now())),
            CachedKey::Stale(connection) => Some(connection),
            CachedKey::Unknown => None,
        };
        let is_suspect = self.memory().failures.is_over(client, Instant::now());
        let found = timeout(ASKING, self.lookups.find(digest, key, is_suspect)).await;
        let now = Instant::now();
        match found {
            Ok(Ok(Owner::Connection(connection))) => {
                self.memory().remember(digest, connection, now);
                Ok(connection)
            }
            Ok(Ok(Owner::Nobody | Owner::NoKeys))
                if let (Key::Api(api_key), Some(registrations)) = (key, &self.registrations) =>
            {
                self.register(registrations, client, digest, api_key).await
            }
            Ok(Ok(Owner::Nobody)) => Err(self.refuse(client, digest)),
            Ok(Ok(Owner::NoKeys)) => {
                self.memory().known.pop(&digest);
                Err(Refused::NotSetUp)
            }
            Ok(Err(error)) => known_before.ok_or_else(|| self.unavailable(Some(&error))),
            Err(_) => known_before.ok_or_else(|| self.unavailable(None)),
        }
    }

    /// Registers an unknown key, unless its client has tried too many wrong ones.
    async fn register(
        &self,
        registrations: &Arc<Registrations>,
        client: IpAddr,
        digest: KeyDigest,
        api_key: &str,
    ) -> Result<i64, Refused> {
        if self.memory().failures.is_over(client, Instant::now()) {
            return Err(self.memory().wrong(client, digest, Instant::now()));
        }
        match registrations.register(client, digest, api_key).await {
            Ok(connection) => {
                self.memory().remember(digest, connection, Instant::now());
                Ok(connection)
            }
            Err(Refused::UnknownKey) => Err(self.refuse(client, digest)),
            Err(other) => Err(other),
        }
    }

    /// Caches a wrong key, and returns its refusal.
    fn refuse(&self, client: IpAddr, digest: KeyDigest) -> Refused {
        let now = Instant::now();
        let mut memory = self.memory();
        memory.remember_wrong(digest, now);
        memory.wrong(client, digest, now)
    }

    /// The refusal of a request without a key: it says so only if anybody has a key, or may register one.
    pub(crate) async fn without_key(&self) -> Refused {
        let now = Instant::now();
        if self.registrations.is_some() || self.memory().any_at.is_some_and(|at| now < at + WRONG) {
            return Refused::NoKey;
        }
        match timeout(ASKING, self.lookups.any()).await {
            Ok(Ok(true)) => {
                self.memory().any_at = Some(now);
                Refused::NoKey
            }
            Ok(Ok(false)) => Refused::NotSetUp,
            Ok(Err(error)) => self.unavailable(Some(&error)),
            Err(_) => self.unavailable(None),
        }
    }

    pub(crate) fn unavailable(&self, error: Option<&KeysUnavailable>) -> Refused {
        if let Some(times) = self.unavailable.occurred() {
            let cause = keys::cause(error, ASKING);
            tracing::warn!(
                error = cause,
                times,
                "keys cannot be checked, so requests with new ones are answered 503"
            );
        }
        Refused::KeysUnavailable
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock()
    }
}

impl Memory {
    fn cached(&mut self, digest: &KeyDigest, now: Instant) -> CachedKey {
        if let Some(known) = self.known.get_mut(digest) {
            if now < known.asked_at + FRESH {
                return CachedKey::Known(known.connection);
            }
            known.asked_at = now;
            return CachedKey::Stale(known.connection);
        }
        let is_wrong = self.wrong.get(digest).is_some_and(|asked_at| now < *asked_at + WRONG);
        if is_wrong { CachedKey::Wrong } else { CachedKey::Unknown }
    }

    fn remember(&mut self, digest: KeyDigest, connection: i64, now: Instant) {
        self.wrong.pop(&digest);
        self.known.put(digest, Known { connection, asked_at: now });
    }

    fn remember_wrong(&mut self, digest: KeyDigest, now: Instant) {
        self.known.pop(&digest);
        self.wrong.put(digest, now);
    }

    /// The refusal of a wrong key of this client.
    fn wrong(&mut self, client: IpAddr, digest: KeyDigest, now: Instant) -> Refused {
        match self.failures.count(client, digest, now) {
            Ok(()) => Refused::UnknownKey,
            Err(wait) => Refused::TooManyKeys { wait },
        }
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
