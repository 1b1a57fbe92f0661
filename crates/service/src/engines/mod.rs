//! Opens the engines that the configuration names, and unlocks the vault: the only place that knows which engines exist.
//!
//! In two steps, because a process may have to begin while its ledger is away: [`Opening::begin`] finds the master key and
//! opens the queue, [`Opening::finish`] opens the ledger and makes sure that the key is the ledger's. Commands do both at
//! once ([`Engines::open`]); roles try the second step until it succeeds ([`awaited`]).

pub mod awaited;
mod failure;
pub mod files;
mod ledger_engine;
pub mod master_key;
mod opening;
pub mod presence;
pub mod queue_engine;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use connections::{
    ConnectionStore, OsRandomness, Randomness, ReplacedKeys, SharedSecretStore, Vault, WriteKeys, keys,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use ledger::{
    Arrivals, DeadLetters, Ledger, Monitoring, Notifications, OperatorPorts, Plans, Repairs, SegmentAnswers,
    Storage,
};
use queue::Queue;

pub use failure::EngineError;
pub use files::{FileTrouble, MissingFile, UnusableFile};
pub use ledger_engine::must_be_begun;
pub use opening::Opening;
pub use queue_engine::QueueEngine;

use crate::clock::Clock;
use crate::config::Config;

/// The queue, the ledger and the connections of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Engines {
    /// The queue of accepted events that are not absorbed yet.
    pub queue: Arc<dyn Queue>,
    /// The ledger, which keeps all state.
    pub ledger: Arc<dyn Ledger>,
    /// The size of the ledger.
    pub storage: Arc<dyn Storage>,
    /// Recent answers of Segment's Public API.
    pub segment_answers: Arc<dyn SegmentAnswers>,
    /// The processes that work on the ledger.
    pub monitoring: Arc<dyn Monitoring>,
    /// Published events, and their arrivals.
    pub arrivals: Arc<dyn Arrivals>,
    /// Dead letters by cause.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Plans of replays.
    pub plans: Arc<dyn Plans>,
    /// Repaired payloads of dead letters.
    pub repairs: Arc<dyn Repairs>,
    /// Operators, their audited acts, and their idempotent requests.
    pub operators: Arc<dyn OperatorPorts>,
    /// Notifications of operators.
    pub notifications: Arc<dyn Notifications>,
    /// Connections and their keys.
    pub connections: Arc<dyn ConnectionStore>,
    /// Their write keys.
    pub write_keys: Arc<dyn WriteKeys>,
    /// The secrets that webhooks are signed with.
    pub shared_secrets: Arc<dyn SharedSecretStore>,
    /// Replaced keys, and until when they are valid.
    pub replaced_keys: Arc<dyn ReplacedKeys>,
    /// The ledger's file, to be watched for damage; `None` on a server.
    pub ledger_file: Option<sqlite::Database>,
    /// Digests identifiers, opens and seals secrets.
    pub vault: Vault,
    /// The time of day.
    pub clock: Clock,
    /// The operating system's randomness.
    pub randomness: Arc<dyn Randomness>,
}

/// The connections of a ledger that is opened and unlocked without its queue, for checks.
///
/// # Errors
///
/// [`EngineError`], which says what to do.
pub async fn connections_alone(config: &Config) -> Result<Arc<dyn ConnectionStore>, EngineError> {
    let randomness: Arc<dyn Randomness> = Arc::new(OsRandomness);
    let master = master_key::required(config)?;
    let ledger = ledger_engine::open(&config.ledger.url).await?;
    keys::unlock(master, ledger.connections.as_ref(), randomness).await?;
    Ok(ledger.connections)
}

/// Opens the ledger without queue and key, to measure how large it is.
///
/// # Errors
///
/// [`EngineError`], which says what to do.
pub async fn storage_alone(config: &Config) -> Result<Arc<dyn Storage>, EngineError> {
    Ok(ledger_engine::open(&config.ledger.url).await?.storage)
}

impl Engines {
    /// Opens both engines, which brings their schemas up to date, and the vault.
    ///
    /// # Errors
    ///
    /// [`EngineError`], which says what to do.
    pub fn open(config: &Config) -> BoxFuture<'_, Result<Self, EngineError>> {
        // Boxed, like the functions below, so that it is compiled in this crate and not in each crate that awaits it.
        async move { Opening::begin(config).await?.finish().await }.boxed()
    }

    /// As [`Engines::open`], for an existing installation: nothing is created.
    ///
    /// # Errors
    ///
    /// As [`Engines::open`]; [`EngineError::NoInstallation`] where there is none.
    pub fn open_existing(config: &Config) -> BoxFuture<'_, Result<Self, EngineError>> {
        async move { Opening::begin_on_what_is_there(config).await?.finish().await }.boxed()
    }

    /// As [`Engines::open`], but a missing queue or ledger is created empty.
    ///
    /// # Errors
    ///
    /// [`EngineError`], which says what to do.
    pub fn open_or_create(config: &Config) -> BoxFuture<'_, Result<Self, EngineError>> {
        async move { Opening::begin_in_any_case(config).await?.finish().await }.boxed()
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A new id for something that happens now: a UUIDv7, so that later ones sort later.
    #[must_use]
    pub fn new_id(&self) -> uuid::Uuid {
        let mut random = [0; 10];
        self.randomness.fill(&mut random);
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
