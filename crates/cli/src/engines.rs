//! Opens the engines that the configuration names, and unlocks the vault: the only place that knows which engines exist.

mod failure;
mod master_key;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use connections::keys::unlock;
use connections::{ConnectionStore, OsRandomness, Randomness, Vault};
use jiff::Timestamp;
use ledger::Ledger;
use ledger::sqlite::SqliteLedger;
use queue::sqlite::{Settings, SqliteQueue};
use queue::{Queue, QueueError};

pub use failure::EngineError;

use crate::clock::{self, Clock};
use crate::config::{Config, EngineUrl};

/// The queue, the ledger and the connections of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Engines {
    /// What was accepted and not yet absorbed.
    pub queue: Arc<dyn Queue>,
    /// The only memory.
    pub ledger: Arc<dyn Ledger>,
    /// Connections and their keys.
    pub connections: Arc<dyn ConnectionStore>,
    /// Digests identifiers, opens and seals secrets.
    pub vault: Vault,
    /// The time of day.
    pub clock: Clock,
    /// The operating system's randomness.
    pub randomness: Arc<dyn Randomness>,
    file_queue: SqliteQueue,
}

impl Engines {
    /// Opens both engines, which brings their schemas up to date, and the vault. What is not there yet is made: files,
    /// folders and, for a new ledger, the master key.
    ///
    /// # Errors
    ///
    /// [`EngineError`], which says what to do.
    pub async fn open(config: &Config) -> Result<Self, EngineError> {
        let randomness: Arc<dyn Randomness> = Arc::new(OsRandomness);
        let clock = clock::system();
        let master = master_key::find(config, randomness.as_ref())?;
        let EngineUrl::Sqlite(path) = &config.ledger.url;
        let ledger = SqliteLedger::open(path)
            .await
            .map_err(|source| EngineError::Ledger { path: path.clone(), source })?;
        let vault = unlock(master, &ledger, Arc::clone(&randomness)).await?;
        let EngineUrl::Sqlite(path) = &config.queue.url;
        let settings = Settings { max_bytes: config.queue.max_bytes.0, ..Settings::default() };
        let file_queue = SqliteQueue::open(path, settings, Arc::clone(&clock))
            .await
            .map_err(|source| EngineError::Queue { path: path.clone(), source })?;
        Ok(Self {
            queue: Arc::new(file_queue.clone()),
            ledger: Arc::new(ledger.clone()),
            connections: Arc::new(ledger),
            vault,
            clock,
            randomness,
            file_queue,
        })
    }

    /// Gives back at once what a worker of this machine held in its hand when it was killed. For the start of a worker.
    ///
    /// # Errors
    ///
    /// If the queue cannot be written.
    pub async fn take_back(&self) -> Result<usize, QueueError> {
        self.file_queue.reclaim().await
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
