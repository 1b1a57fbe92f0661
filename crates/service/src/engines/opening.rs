//! The engines while the ledger is not open yet: the first of the two steps, and the second, which may be tried again.

use std::sync::Arc;

use connections::vault::FIRST_KEY_NUMBER;
use connections::{OsRandomness, Randomness, Vault, keys};

use super::Engines;
use super::failure::EngineError;
use super::queue_engine::QueueEngine;
use super::{files, ledger_engine, master_key};
use crate::clock::{self, Clock};
use crate::config::{self, Config};

/// The engines while the ledger is not open yet. Cheap to clone.
#[derive(Clone)]
pub struct Opening {
    /// The queue of accepted events that are not absorbed yet. If a broker is away, it is unavailable until the broker returns.
    pub queue: QueueEngine,
    /// Digests keys. It is not verified yet that its key is the ledger's, so no answer may depend on it.
    pub vault: Vault,
    /// The time of day.
    pub clock: Clock,
    /// The operating system's randomness.
    pub randomness: Arc<dyn Randomness>,
    ledger: config::Ledger,
    /// The files are checked for damage before they are used.
    looks_for_damage: bool,
}

impl Opening {
    /// Finds the master key and opens the queue. The first start creates everything: the files, their folder and, for a new
    /// ledger in a file, the master key.
    ///
    /// # Errors
    ///
    /// [`EngineError`], which says what to do. A broker that is away is no error; a file that is missing while others exist is one.
    pub async fn begin(config: &Config) -> Result<Self, EngineError> {
        files::must_be_complete(config).await?;
        Self::begin_with(config, false).await
    }

    /// As [`Opening::begin`], for a role: files are checked for damage first. A damaged queue is set aside, and its readable
    /// messages are rescued; a damaged ledger counts as away.
    ///
    /// # Errors
    ///
    /// As [`Opening::begin`].
    pub async fn begin_role(config: &Config) -> Result<Self, EngineError> {
        files::must_be_complete(config).await?;
        Self::begin_with(config, true).await
    }

    /// As [`Opening::begin`], for an existing installation: creates neither a file nor a queue on a broker.
    ///
    /// # Errors
    ///
    /// As [`Opening::begin`]; [`EngineError::NoInstallation`] where there is none.
    pub(super) async fn begin_on_what_is_there(config: &Config) -> Result<Self, EngineError> {
        files::must_be_there(config).await?;
        ledger_engine::must_be_begun(&config.ledger.url).await?;
        let randomness: Arc<dyn Randomness> = Arc::new(OsRandomness);
        let clock = clock::system();
        let vault = Vault::new(master_key::required(config)?, FIRST_KEY_NUMBER, Arc::clone(&randomness));
        let queue = QueueEngine::open_existing(&config.queue, &clock).await?;
        Ok(Self { queue, vault, clock, randomness, ledger: config.ledger.clone(), looks_for_damage: false })
    }

    /// As [`Opening::begin`], but a missing queue or ledger is created empty.
    pub(super) async fn begin_in_any_case(config: &Config) -> Result<Self, EngineError> {
        Self::begin_with(config, false).await
    }

    async fn begin_with(config: &Config, looks_for_damage: bool) -> Result<Self, EngineError> {
        let randomness: Arc<dyn Randomness> = Arc::new(OsRandomness);
        let clock = clock::system();
        let master = master_key::find(config, randomness.as_ref())?;
        let vault = Vault::new(master, FIRST_KEY_NUMBER, Arc::clone(&randomness));
        let queue = match looks_for_damage {
            true => QueueEngine::open_repaired(&config.queue, &clock).await?,
            false => QueueEngine::open(&config.queue, &clock).await?,
        };
        Ok(Self { queue, vault, clock, randomness, ledger: config.ledger.clone(), looks_for_damage })
    }

    /// Opens the ledger, which brings its schema up to date, and unlocks the vault. May be tried again.
    ///
    /// # Errors
    ///
    /// [`EngineError`]; [`EngineError::is_passing`] shows whether trying again may help.
    pub async fn finish(&self) -> Result<Engines, EngineError> {
        let ledger = match self.looks_for_damage {
            true => ledger_engine::open_sound(&self.ledger.url).await?,
            false => ledger_engine::open(&self.ledger.url).await?,
        };
        let vault = keys::check(&self.vault, ledger.connections.as_ref()).await?;
        Ok(Engines {
            queue: self.queue.port(),
            ledger: ledger.ledger,
            storage: ledger.storage,
            segment_answers: ledger.segment_answers,
            monitoring: ledger.monitoring,
            arrivals: ledger.arrivals,
            dead_letters: ledger.dead_letters,
            plans: ledger.plans,
            repairs: ledger.repairs,
            operators: ledger.operators,
            notifications: ledger.notifications,
            connections: ledger.connections,
            write_keys: ledger.write_keys,
            shared_secrets: ledger.shared_secrets,
            replaced_keys: ledger.replaced_keys,
            ledger_file: ledger.file,
            vault,
            clock: Arc::clone(&self.clock),
            randomness: Arc::clone(&self.randomness),
        })
    }
}
