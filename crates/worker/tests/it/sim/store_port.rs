//! The store of connections as one process reaches it.

use std::sync::Arc;

use async_trait::async_trait;
use connections::vault::Digest;
use connections::{
    ApiKeyStore, Connection, ConnectionId, ConnectionName, Epoch, MasterKeyStore, NewConnection, PausedFor,
    Registry, SealedKey, Settings, State, StateStore, StoreError,
};
use jiff::Timestamp;
use ledger::sqlite::SqliteLedger;

use super::process::Process;

pub(crate) struct StorePort {
    pub(crate) process: Arc<Process>,
    pub(crate) inner: SqliteLedger,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("a fault of the simulation".into())
}

/// Forwards each method, with the faults of the simulation.
macro_rules! through {
    ($port:ident: $(async fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $answer:ty;)*) => {
        #[async_trait]
        impl $port for StorePort {
            $(async fn $name(&self $(, $argument: $type)*) -> Result<$answer, StoreError> {
                self.process.run(self.inner.$name($($argument),*), unavailable).await
            })*
        }
    };
}

through! { Registry:
    async fn add(&self, new: NewConnection) -> Connection;
    async fn list(&self) -> Vec<Connection>;
    async fn is_empty(&self) -> bool;
    async fn by_name(&self, name: &ConnectionName) -> Option<Connection>;
    async fn by_id(&self, id: ConnectionId) -> Option<Connection>;
    async fn set_settings(&self, id: ConnectionId, seen: i64, settings: &Settings) -> i64;
    async fn remove(&self, id: ConnectionId) -> ();
}

through! { StateStore:
    async fn pause(&self, id: ConnectionId, reason: PausedFor, because: &str, now: Timestamp) -> State;
    async fn pause_in(&self, id: ConnectionId, seen: Epoch, reason: PausedFor, because: &str, now: Timestamp) -> State;
    async fn resume(&self, id: ConnectionId, only: Option<PausedFor>) -> bool;
    async fn save_learned_rate(&self, id: ConnectionId, rate: f64) -> ();
    async fn save_asked_to_wait(&self, id: ConnectionId, until: Timestamp) -> ();
}

through! { ApiKeyStore:
    async fn by_key_digest(&self, digest: &Digest, now: Timestamp) -> Option<ConnectionId>;
    async fn credentials(&self, id: ConnectionId) -> SealedKey;
    async fn rotate_key(&self, id: ConnectionId, key: SealedKey, now: Timestamp) -> ();
    async fn sealed_keys(&self) -> Vec<SealedKey>;
    async fn reseal(&self, keys: &[SealedKey]) -> ();
}

through! { MasterKeyStore:
    async fn check_value(&self, mine: &Digest) -> Digest;
    async fn key_number(&self) -> u32;
    async fn set_key_number(&self, from: u32, to: u32) -> ();
}
