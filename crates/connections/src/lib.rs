//! Connections: the Refersion accounts that Segment sources deliver to, their settings, and the secrets that open them.
//!
//! Types, the vault and a port; no database and no network. The order of reading: [`connection`] (what one is),
//! [`settings`] (what an operator may choose), [`api_key`] (the one string that Segment's tile asks for), [`shared_secret`]
//! (what webhooks are signed with), [`vault`] (how secrets are kept), [`store`] (the port behind which the ledger's engines
//! keep all of it) and [`write_keys`] (the same for client libraries), [`keys`] (what is done with
//! vault and store together: unlocking at start, rotating).

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
