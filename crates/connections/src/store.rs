//! The port behind which connections are kept.
//!
//! An engine keeps what it is given and decides nothing about secrets: keys reach it sealed. Every engine passes the
//! contract suite of the crate `ledger`.

use std::error::Error;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::connection::{Connection, ConnectionId, ConnectionName, Epoch, PausedFor, State};
use crate::settings::Settings;
use crate::vault::{Digest, SealedKey};

/// How long a replaced API key stays valid, so that nobody has to change two places at the same moment.
pub const OLD_KEY_VALID: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Until when a key stays valid that is replaced now.
#[must_use]
pub fn old_key_valid_until(now: Timestamp) -> Timestamp {
    now.checked_add(OLD_KEY_VALID).unwrap_or(Timestamp::MAX)
}

/// What a store needs to add a connection.
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
    /// Now.
    pub created_at: Timestamp,
}

/// Keeps connections: all four ports.
pub trait ConnectionStore: Registry + StateStore + ApiKeyStore + MasterKeyStore {}

impl<S: Registry + StateStore + ApiKeyStore + MasterKeyStore> ConnectionStore for S {}

/// Connections and their settings. Every method of the four ports is atomic, and durable once it returned.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Adds a connection, active, with settings version 1 and an id that was never given before.
    ///
    /// # Errors
    /// [`Conflict::NameTaken`]; [`Conflict::KeyTaken`] when the key is still valid for another connection.
    async fn add(&self, new: NewConnection) -> Result<Connection, StoreError>;

    /// All connections, by name.
    async fn list(&self) -> Result<Vec<Connection>, StoreError>;

    /// Whether there is no connection. Asked for each key that nobody knows, so it costs as little with many
    /// connections.
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

    /// Removes a connection. What is kept for it goes with it, or page by page in the background (`ledger::finish_removals`, and
    /// sweeps).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn remove(&self, id: ConnectionId) -> Result<(), StoreError>;
}

/// Whether connections deliver, and what their APIs were seen to bear.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Pauses a connection, unless a stronger reason holds it already; returns the state that holds now.
    ///
    /// `because` is a sentence for the operator, without secrets or personal data. Pausing again for the same reason
    /// keeps the time since when.
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

    /// As [`StateStore::pause`], for a cause that was met while `seen` was in force. Nothing changes if the
    /// settings were changed, or the connection was resumed, since: the cause may be gone.
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

    /// Makes a connection active again: whatever it is paused for, or only if that is `only`. Returns whether it is
    /// active now. Without `only`, an operator wants to see calls: what Refersion asked to wait for is forgotten as
    /// well.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn resume(&self, id: ConnectionId, only: Option<PausedFor>) -> Result<bool, StoreError>;

    /// Remembers the rate that the API was seen to bear, in calls a second.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn save_learned_rate(&self, id: ConnectionId, rate: f64) -> Result<(), StoreError>;

    /// Remembers until when Refersion asked to wait.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn save_asked_to_wait(&self, id: ConnectionId, until: Timestamp) -> Result<(), StoreError>;
}

/// API keys of connections, sealed.
#[async_trait]
pub trait ApiKeyStore: Send + Sync {
    /// Whose connection an API key belongs to: its newest key, or one replaced less than [`OLD_KEY_VALID`] before
    /// `now`.
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

    /// Gives a connection a new API key; the one before is valid for [`OLD_KEY_VALID`] more, older ones as long
    /// as they had left. Giving it the key that it has changes nothing.
    ///
    /// # Errors
    /// [`Conflict::KeyTaken`] when the key is still valid for another connection; [`StoreError::NotFound`].
    async fn rotate_key(&self, id: ConnectionId, key: SealedKey, now: Timestamp) -> Result<(), StoreError>;

    /// Every API key that is kept, the replaced ones too.
    async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StoreError>;

    /// Puts newly sealed texts in the place of those with the same digests; a digest that is gone is passed over.
    async fn reseal(&self, keys: &[SealedKey]) -> Result<(), StoreError>;
}

/// What the master key is checked against, and the number of the key that seals.
#[async_trait]
pub trait MasterKeyStore: Send + Sync {
    /// The check value of the master key that this ledger belongs to; `mine` becomes it where there is none yet.
    async fn check_value(&self, mine: &Digest) -> Result<Digest, StoreError>;

    /// The number of the encryption key that seals; the first one until a rotation.
    async fn key_number(&self) -> Result<u32, StoreError>;

    /// Puts `to` in the place of the key number `from`.
    ///
    /// # Errors
    /// [`Conflict::KeyNumberChanged`] when another rotation was faster.
    async fn set_key_number(&self, from: u32, to: u32) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked, by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be read or written at present: try again later.
    #[error("the connections cannot be read or written at present")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// There is no such connection (any more).
    #[error("there is no such connection")]
    NotFound,
    /// Something is there that is in the way: the caller has to choose again.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// What is kept cannot be understood; a newer program may have written it.
    #[error("what is kept of a connection cannot be understood: use the version that wrote it")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}

/// What is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another connection has this name.
    #[error(
        "a connection with this name is there already: give another name, or change that one with `connections set`"
    )]
    NameTaken,
    /// Another connection has this API key.
    #[error("another connection has this API key: an account can have one connection only")]
    KeyTaken,
    /// The settings were changed since they were read.
    #[error("somebody else has just changed these settings: look at them and try again")]
    SettingsChanged,
    /// Another rotation of the encryption key was faster.
    #[error("another rotation of the encryption key is under way: try again when it has ended")]
    KeyNumberChanged,
}
