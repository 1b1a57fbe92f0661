//! The port that stores connections.
//!
//! An engine stores what the caller passes and decides nothing about secrets: keys reach it sealed. Every engine passes
//! the contract suite of the crate `ledger`.

use std::error::Error;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::connection::{Connection, ConnectionId, ConnectionName, Epoch, PausedFor, State};
use crate::settings::Settings;
use crate::vault::{Digest, SealedKey};

/// How long a replaced API key stays valid, so that nobody has to change two places at the same moment.
pub const OLD_KEY_VALID: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The time until which a key that is replaced at `now` stays valid.
#[must_use]
pub fn old_key_valid_until(now: Timestamp) -> Timestamp {
    now.checked_add(OLD_KEY_VALID).unwrap_or(Timestamp::MAX)
}

/// A connection to add.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Its name.
    pub name: ConnectionName,
    /// Its settings, validated.
    pub settings: Settings,
    /// Its API key.
    pub key: SealedKey,
    /// Its write key, from [`crate::Vault::new_write_key`].
    pub write_key: String,
    /// The current time.
    pub created_at: Timestamp,
}

/// Keeps connections: all four ports.
pub trait ConnectionStore: Registry + StateStore + ApiKeyStore + MasterKeyStore {}

impl<S: Registry + StateStore + ApiKeyStore + MasterKeyStore> ConnectionStore for S {}

/// Connections and their settings. Every method of the four ports is atomic, and durable once it returned.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Adds a connection. It is active, and has settings version 1 and an id that was never used before.
    ///
    /// # Errors
    /// [`Conflict::NameTaken`]; [`Conflict::KeyTaken`] when the key is still valid for another connection.
    async fn add(&self, new: NewConnection) -> Result<Connection, StoreError>;

    /// All connections, by name.
    async fn list(&self) -> Result<Vec<Connection>, StoreError>;

    /// Whether there is no connection. The caller asks this for each unknown key, so the cost does not depend on the
    /// number of connections.
    async fn is_empty(&self) -> Result<bool, StoreError>;

    /// The connection of this name.
    async fn by_name(&self, name: &ConnectionName) -> Result<Option<Connection>, StoreError>;

    /// The connection with this id.
    async fn by_id(&self, id: ConnectionId) -> Result<Option<Connection>, StoreError>;

    /// Replaces the settings that had the version `seen`; returns the new version.
    ///
    /// # Errors
    /// [`Conflict::SettingsChanged`] when another process was faster; [`StoreError::NotFound`].
    async fn set_settings(&self, id: ConnectionId, seen: i64, settings: &Settings)
    -> Result<i64, StoreError>;

    /// Removes a connection. Its data is deleted with it, or page by page in the background (by `ledger::finish_removals` and sweeps).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn remove(&self, id: ConnectionId) -> Result<(), StoreError>;
}

/// The states of connections, and the rates that their APIs were seen to accept.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Pauses a connection, unless it is paused for a stronger reason. Returns its state afterwards.
    ///
    /// `because` is a sentence for the operator, without secrets or personal data. Pausing again for the same reason
    /// keeps the time of the first pause.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn pause(
        &self,
        id: ConnectionId,
        reason: PausedFor,
        because: &str,
        now: Timestamp,
    ) -> Result<State, StoreError>;

    /// Does the same as [`StateStore::pause`], for a cause that occurred in the epoch `seen`. If the settings were
    /// changed or the connection was resumed since, nothing changes: the cause may be gone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn pause_in(
        &self,
        id: ConnectionId,
        seen: Epoch,
        reason: PausedFor,
        because: &str,
        now: Timestamp,
    ) -> Result<State, StoreError>;

    /// Makes a connection active again: with `only`, only if it is paused for that reason. Returns whether it is active
    /// now. Without `only`, an operator resumes it and wants to see calls, so a wait that Refersion asked for is
    /// cleared as well.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn resume(&self, id: ConnectionId, only: Option<PausedFor>) -> Result<bool, StoreError>;

    /// Stores the rate that the API was seen to accept, in calls a second.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn save_learned_rate(&self, id: ConnectionId, rate: f64) -> Result<(), StoreError>;

    /// Stores the end of the wait that Refersion asked for.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn save_asked_to_wait(&self, id: ConnectionId, until: Timestamp) -> Result<(), StoreError>;
}

/// API keys of connections, sealed.
#[async_trait]
pub trait ApiKeyStore: Send + Sync {
    /// The connection that an API key belongs to: the key is its newest one, or was replaced less than
    /// [`OLD_KEY_VALID`] before `now`.
    async fn by_key_digest(
        &self,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<ConnectionId>, StoreError>;

    /// The newest API key of a connection.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn credentials(&self, id: ConnectionId) -> Result<SealedKey, StoreError>;

    /// Gives a connection a new API key. The previous one stays valid for [`OLD_KEY_VALID`]; the expiry of older ones
    /// does not change. If the connection has this key already, nothing changes.
    ///
    /// # Errors
    /// [`Conflict::KeyTaken`] when the key is still valid for another connection; [`StoreError::NotFound`].
    async fn rotate_key(&self, id: ConnectionId, key: SealedKey, now: Timestamp) -> Result<(), StoreError>;

    /// All stored API keys, including replaced ones.
    async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StoreError>;

    /// Replaces the sealed texts with the same digests. Digests that no longer exist are skipped.
    async fn reseal(&self, keys: &[SealedKey]) -> Result<(), StoreError>;
}

/// Stores the value that the master key is checked against, and the number of the encryption key in use.
#[async_trait]
pub trait MasterKeyStore: Send + Sync {
    /// The check value of the master key that this ledger belongs to. If there is none yet, `mine` is stored.
    async fn check_value(&self, mine: &Digest) -> Result<Digest, StoreError>;

    /// The number of the encryption key in use; the first one until a rotation.
    async fn key_number(&self) -> Result<u32, StoreError>;

    /// Replaces the key number `from` with `to`.
    ///
    /// # Errors
    /// [`Conflict::KeyNumberChanged`] when another rotation was faster.
    async fn set_key_number(&self, from: u32, to: u32) -> Result<(), StoreError>;
}

/// Errors of a store, grouped by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be read or written now: try again later.
    #[error("the connections cannot be read or written at present")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// There is no such connection, or no longer.
    #[error("there is no such connection")]
    NotFound,
    /// The change conflicts with existing data: the caller has to choose again.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The stored data cannot be parsed; a newer program may have written it.
    #[error("the stored data of a connection cannot be read: use the version that wrote it")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}

/// The cause of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another connection has this name.
    #[error(
        "a connection with this name exists already: use another name, or change that one with `connections set`"
    )]
    NameTaken,
    /// Another connection has this API key.
    #[error("another connection has this API key: an account can have one connection only")]
    KeyTaken,
    /// The settings were changed since they were read.
    #[error("these settings were changed at the same time: check them and try again")]
    SettingsChanged,
    /// Another rotation of the encryption key was faster.
    #[error("another rotation of the encryption key is under way: try again when it has ended")]
    KeyNumberChanged,
}
