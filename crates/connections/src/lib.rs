//! Connections: the Refersion accounts that Segment sources deliver to, their settings, and the secrets that open them.
//!
//! The crate contains types, the vault and ports; it uses no database and no network. Read the modules in this order: [`connection`] (a
//! connection and its state), [`settings`] (an operator's choices), [`api_key`] (the string that a user enters at Segment),
//! [`shared_secret`] (the key that Segment's webhooks are signed with), [`vault`] (how secrets are kept), [`store`] (the port that the
//! ledger's engines implement), [`write_keys`] (the same for the keys of client libraries), [`keys`] (operations on vault and store
//! together: unlocking at start, rotating).

pub mod api_key;
pub mod connection;
pub mod keys;
pub mod replaced;
pub mod settings;
pub mod shared_secret;
pub mod store;
pub mod vault;
pub mod write_keys;

pub use api_key::{ApiKey, ApiKeyError};
pub use connection::{Connection, ConnectionId, ConnectionName, Epoch, PausedFor, State};
pub use replaced::{ReplacedKeys, ReplacedUntil};
pub use settings::{NewAffiliateStatus, OneWordName, ScrubDomain, Settings, SettingsError};
pub use shared_secret::{SealedSecret, SharedSecret, SharedSecretError, SharedSecretStore};
pub use store::{
    ApiKeyStore, Conflict, ConnectionStore, MasterKeyStore, NewConnection, Registry, StateStore, StoreError,
};
pub use vault::{Digest, MasterKey, OsRandomness, Randomness, SealedKey, Vault, VaultError};
pub use write_keys::WriteKeys;
