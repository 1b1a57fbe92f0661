//! Registers unknown API keys: each is verified once, in however many requests it comes, and becomes a connection.
//!
//! A verification continues after the end of the request that began it, so that the next request finds the connection.
//! Wrong keys are remembered for some minutes, and verifications are limited, by client and altogether: nobody can use this
//! endpoint to flood Refersion, or to try keys quickly.

mod limit;

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connections::ApiKey;
use listener::RareLog;
use lru::LruCache;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use crate::guard::KeyDigest;
use crate::refused::Refused;
use crate::{KeysUnavailable, keys};
use limit::Limit;
use parking_lot::{Mutex, MutexGuard};

/// For how long a key that Refersion has refused is refused without asking again.
const REFUSED_FOR: Duration = Duration::from_secs(600);

/// For how long a key is not verified again after a verification without an answer.
const UNANSWERED_FOR: Duration = Duration::from_secs(2);

/// Number of refused keys, and of unanswered keys, that are remembered; beyond that, the oldest is forgotten.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// Verifications under way at the same time.
const AT_ONCE: usize = 8;

/// Time limit of one verification, including the wait for its turn. The requests that wait for it give up earlier.
const VERIFYING: Duration = Duration::from_secs(20);

/// Verifies API keys that no connection has, and registers the right ones.
#[async_trait]
pub trait Registrar: Send + Sync {
    /// Verifies `api_key` (`publickey.secretkey`, well formed), and gives it to a connection: to the one with the same
    /// public half, else to a new one. A key that a connection has by now is right.
    ///
    /// # Errors
    /// If that is impossible now. The endpoint answers 503.
    async fn register(&self, api_key: &str) -> Result<Registration, KeysUnavailable>;
}

/// The result of verifying an unknown key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It is right, and belongs to this connection.
    Connection(i64),
    /// It is wrong.
    Refused,
}

/// Maximum numbers of verifications in a minute.
#[derive(Clone, Copy, Debug)]
pub struct RegistrationLimits {
    /// For one client.
    pub by_client: usize,
    /// Altogether.
    pub altogether: usize,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrationFigures {
    /// Keys that were right.
    pub registered: u64,
    /// Keys that were wrong.
    pub refused: u64,
    /// Requests whose key was not verified because of the limits.
    pub limited: u64,
    /// Keys that could not be verified.
    pub unavailable: u64,
}

/// The registration of unknown keys. Needs a tokio runtime.
pub(crate) struct Registrations {
    registrar: Arc<dyn Registrar>,
    turns: Semaphore,
    memory: Mutex<Memory>,
    counters: [AtomicU64; 4],
    unavailable: RareLog,
}

struct Memory {
    pending: HashMap<KeyDigest, watch::Receiver<Option<Outcome>>>,
    refused: LruCache<KeyDigest, Instant>,
    unanswered: LruCache<KeyDigest, Instant>,
    limit: Limit,
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Connection(i64),
    Refused,
    Unavailable,
}

/// The indexes of the counters.
const REGISTERED: usize = 0;
const REFUSED: usize = 1;
const LIMITED: usize = 2;
const UNAVAILABLE: usize = 3;

impl Registrations {
    pub(crate) fn new(registrar: Arc<dyn Registrar>, limits: RegistrationLimits) -> Arc<Self> {
        let memory = Memory {
            pending: HashMap::new(),
            refused: LruCache::new(REMEMBERED),
            unanswered: LruCache::new(REMEMBERED),
            limit: Limit::new(limits),
        };
        let (turns, memory) = (Semaphore::new(AT_ONCE), Mutex::new(memory));
        Arc::new(Self {
            registrar,
            turns,
            memory,
            counters: Default::default(),
            unavailable: RareLog::default(),
        })
    }

    /// The connection that an unknown key of this client belongs to from now on.
    ///
    /// # Errors
    ///
    /// [`Refused::UnknownKey`] for a wrong key, [`Refused::TooManyVerifications`] beyond the limits,
    /// [`Refused::KeysUnavailable`] if the key cannot be verified now.
    pub(crate) async fn register(
        self: &Arc<Self>,
        client: IpAddr,
        digest: KeyDigest,
        api_key: &str,
    ) -> Result<i64, Refused> {
        if ApiKey::parse(api_key).is_err() {
            return Err(Refused::UnknownKey);
        }
        let mut outcome = self.begin(client, digest, api_key)?;
        // The sender is dropped only after it has sent the outcome.
        let ended = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| *outcome);
        match ended.unwrap_or(Outcome::Unavailable) {
            Outcome::Connection(connection) => Ok(connection),
            Outcome::Refused => Err(Refused::UnknownKey),
            Outcome::Unavailable => Err(Refused::KeysUnavailable),
        }
    }

    /// The verification of a key: the one that is under way, or a new one if the limits allow it.
    fn begin(
        self: &Arc<Self>,
        client: IpAddr,
        digest: KeyDigest,
        api_key: &str,
    ) -> Result<watch::Receiver<Option<Outcome>>, Refused> {
        let now = Instant::now();
        let mut memory = self.memory();
        if memory.refused.get(&digest).is_some_and(|at| now < *at + REFUSED_FOR) {
            return Err(Refused::UnknownKey);
        }
        if let Some(pending) = memory.pending.get(&digest) {
            return Ok(pending.clone());
        }
        if memory.unanswered.get(&digest).is_some_and(|at| now < *at + UNANSWERED_FOR) {
            return Err(Refused::KeysUnavailable);
        }
        if let Err(wait) = memory.limit.take(client, now) {
            drop(memory);
            self.count(LIMITED);
            return Err(Refused::TooManyVerifications { wait });
        }
        let (sender, receiver) = watch::channel(None);
        memory.pending.insert(digest, receiver.clone());
        drop(memory);
        let (registrations, api_key) = (Arc::clone(self), Zeroizing::new(api_key.to_owned()));
        tokio::spawn(async move {
            let pending = Pending { registrations: &registrations, digest, sender };
            let outcome = registrations.verify(&api_key).await;
            pending.end(outcome);
        });
        Ok(receiver)
    }

    async fn verify(&self, api_key: &str) -> Outcome {
        let verified = timeout(VERIFYING, async {
            let _turn = self.turns.acquire().await.map_err(KeysUnavailable::new)?;
            self.registrar.register(api_key).await
        });
        let (outcome, place) = match verified.await {
            Ok(Ok(Registration::Connection(connection))) => (Outcome::Connection(connection), REGISTERED),
            Ok(Ok(Registration::Refused)) => (Outcome::Refused, REFUSED),
            Ok(Err(error)) => {
                self.log_unavailable(Some(&error));
                (Outcome::Unavailable, UNAVAILABLE)
            }
            Err(_) => {
                self.log_unavailable(None);
                (Outcome::Unavailable, UNAVAILABLE)
            }
        };
        self.count(place);
        outcome
    }

    fn log_unavailable(&self, error: Option<&KeysUnavailable>) {
        if let Some(times) = self.unavailable.occurred() {
            let cause = keys::cause(error, VERIFYING);
            tracing::warn!(
                error = cause,
                times,
                "unknown API keys cannot be verified, so requests with them are answered 503"
            );
        }
    }

    /// The counters since the start.
    pub(crate) fn figures(&self) -> RegistrationFigures {
        let [registered, refused, limited, unavailable] =
            self.counters.each_ref().map(|counter| counter.load(Ordering::Relaxed));
        RegistrationFigures { registered, refused, limited, unavailable }
    }

    fn count(&self, place: usize) {
        self.counters[place].fetch_add(1, Ordering::Relaxed);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock()
    }
}

/// A verification under way. Its end is noted, even if it panics.
struct Pending<'a> {
    registrations: &'a Registrations,
    digest: KeyDigest,
    sender: watch::Sender<Option<Outcome>>,
}

impl Pending<'_> {
    fn end(self, outcome: Outcome) {
        let now = Instant::now();
        let mut memory = self.registrations.memory();
        match outcome {
            Outcome::Connection(_) => {}
            Outcome::Refused => drop(memory.refused.put(self.digest, now)),
            Outcome::Unavailable => drop(memory.unanswered.put(self.digest, now)),
        }
        drop(memory);
        self.sender.send_replace(Some(outcome));
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.registrations.memory().pending.remove(&self.digest);
    }
}

#[cfg(test)]
mod tests;
