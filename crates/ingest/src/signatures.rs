//! Caches which connections have a shared secret, like the guard caches keys: the store is asked once in ten seconds for
//! each connection, and its last answer is used while it is unavailable.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connections::SharedSecret;
use hyper::HeaderMap;
use listener::RareLog;
use lru::LruCache;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::refused::Refused;
use crate::signature::{Signature, Signer};
use crate::{KeysUnavailable, keys};

/// For how long an answer is used without asking again.
const FRESH: Duration = Duration::from_secs(10);

/// How long the store may take to answer.
const ASKING: Duration = Duration::from_secs(2);

/// Connections that are remembered; beyond that, the longest unused is forgotten.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// Questions to the store at the same time.
const AT_ONCE: usize = 8;

/// Provides the secrets with which a connection's requests have to be signed.
#[async_trait]
pub trait SharedSecrets: Send + Sync {
    /// The shared secrets of a connection that are valid now; none if its requests need no signature.
    ///
    /// # Errors
    /// If the store is unavailable now. The endpoint uses the last answer, and answers 503 if it has none.
    async fn of(&self, connection: i64) -> Result<Vec<SharedSecret>, KeysUnavailable>;
}

/// No connection has a shared secret.
pub(crate) struct NoSecrets;

#[async_trait]
impl SharedSecrets for NoSecrets {
    async fn of(&self, _: i64) -> Result<Vec<SharedSecret>, KeysUnavailable> {
        Ok(Vec::new())
    }
}

/// The signers of one connection.
type Signers = Arc<[Signer]>;

/// The check of signatures.
pub(crate) struct Signatures {
    secrets: Arc<dyn SharedSecrets>,
    turns: Semaphore,
    known: Mutex<LruCache<i64, Known>>,
    unavailable: RareLog,
}

struct Known {
    signers: Signers,
    asked_at: Instant,
}

/// The proof that one request needs, to be checked when its body is complete.
pub(crate) enum Claim {
    /// None: its connection has no shared secret.
    Unsigned,
    /// This signature has to be made by one of these signers.
    Signed(Signers, Signature),
}

impl Claim {
    /// Checks the signature over the whole body of a request.
    ///
    /// # Errors
    ///
    /// [`Refused::WrongSignature`].
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), Refused> {
        if self.holds(body) { Ok(()) } else { Err(Refused::WrongSignature) }
    }

    /// Checks the signature over an array: over its first element, as Segment signs it, or over the whole array.
    ///
    /// # Errors
    ///
    /// [`Refused::WrongSignature`].
    pub(crate) fn check_array(&self, body: &[u8], first: Option<&[u8]>) -> Result<(), Refused> {
        if first.is_some_and(|first| self.holds(first)) { Ok(()) } else { self.check(body) }
    }

    fn holds(&self, message: &[u8]) -> bool {
        match self {
            Self::Unsigned => true,
            Self::Signed(signers, signature) => {
                signers.iter().any(|signer| signer.has_signed(message, signature))
            }
        }
    }
}

impl Signatures {
    pub(crate) fn new(secrets: Arc<dyn SharedSecrets>) -> Self {
        let known = Mutex::new(LruCache::new(REMEMBERED));
        Self { secrets, turns: Semaphore::new(AT_ONCE), known, unavailable: RareLog::default() }
    }

    /// The claim in the headers of a request of this connection.
    ///
    /// # Errors
    ///
    /// Those of [`Signature::of`] if one is required; [`Refused::KeysUnavailable`] if that is unknown.
    pub(crate) async fn claim(&self, connection: i64, headers: &HeaderMap) -> Result<Claim, Refused> {
        let signers = self.signers_of(connection).await?;
        if signers.is_empty() {
            return Ok(Claim::Unsigned);
        }
        let signature = Signature::of(headers)?;
        Ok(Claim::Signed(signers, signature))
    }

    async fn signers_of(&self, connection: i64) -> Result<Signers, Refused> {
        let before = match self.recall(connection, Instant::now()) {
            Some((signers, true)) => return Ok(signers),
            Some((signers, false)) => Some(signers),
            None => None,
        };
        let asked = timeout(ASKING, async {
            let _turn = self.turns.acquire().await.map_err(KeysUnavailable::new)?;
            // Another request may have asked meanwhile.
            match self.recall(connection, Instant::now()) {
                Some((signers, true)) if before.is_none() => Ok(signers),
                _ => self.secrets.of(connection).await.map(|secrets| self.remember(connection, &secrets)),
            }
        });
        match asked.await {
            Ok(Ok(signers)) => Ok(signers),
            Ok(Err(error)) => before.ok_or_else(|| self.unavailable(Some(&error))),
            Err(_) => before.ok_or_else(|| self.unavailable(None)),
        }
    }

    fn unavailable(&self, error: Option<&KeysUnavailable>) -> Refused {
        if let Some(times) = self.unavailable.occurred() {
            let cause = keys::cause(error, ASKING);
            tracing::warn!(
                error = cause,
                times,
                "shared secrets cannot be read, so requests are answered 503"
            );
        }
        Refused::KeysUnavailable
    }

    /// The cached signers of a connection, and whether they are fresh. If not, this caller asks; other callers use the
    /// cached ones.
    fn recall(&self, connection: i64, now: Instant) -> Option<(Signers, bool)> {
        let mut memory = self.memory();
        let known = memory.get_mut(&connection)?;
        let is_fresh = now < known.asked_at + FRESH;
        if !is_fresh {
            known.asked_at = now;
        }
        Some((Arc::clone(&known.signers), is_fresh))
    }

    fn remember(&self, connection: i64, secrets: &[SharedSecret]) -> Signers {
        let signers: Signers = secrets.iter().map(Signer::new).collect();
        let known = Known { signers: Arc::clone(&signers), asked_at: Instant::now() };
        self.memory().put(connection, known);
        signers
    }

    fn memory(&self) -> MutexGuard<'_, LruCache<i64, Known>> {
        self.known.lock()
    }
}

#[cfg(test)]
#[path = "signatures_tests.rs"]
mod tests;
