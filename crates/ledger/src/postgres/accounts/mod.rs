//! The store of connections, in the same database.

use async_trait::async_trait;
use connections::store::old_key_valid_until;
use connections::{
    ApiKeyStore, Connection as Account, ConnectionId, ConnectionName, Digest, Epoch, MasterKeyStore,
    NewConnection, PausedFor, Registry, SealedKey, Settings, State, StateStore, StoreError,
};
use jiff::Timestamp;

use super::PostgresLedger;
use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::{rows, sql};
use crate::words::{key_digest, micros, time};

mod keys;
pub(super) mod removal;
mod replaced;
mod rows_of;
mod shared_secrets;
mod write_keys;

use rows_of::{add, is_empty, pause, pause_in, read, resume, set_rate, set_settings, set_wait};

#[async_trait]
impl Registry for PostgresLedger {
    async fn add(&self, new: NewConnection) -> Result<Account, StoreError> {
        Ok(on!(self.begin(), |db| add(db, &new))?)
    }

    async fn list(&self) -> Result<Vec<Account>, StoreError> {
        Ok(on!(self.read(), |db| read(db, None, None))?)
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(on!(self.read(), |db| is_empty(db))?)
    }

    async fn by_name(&self, name: &ConnectionName) -> Result<Option<Account>, StoreError> {
        Ok(on!(self.read(), |db| read(db, Some(name), None))?.pop())
    }

    async fn by_id(&self, id: ConnectionId) -> Result<Option<Account>, StoreError> {
        Ok(on!(self.read(), |db| read(db, None, Some(id)))?.pop())
    }

    async fn set_settings(
        &self,
        id: ConnectionId,
        seen: i64,
        settings: &Settings,
    ) -> Result<i64, StoreError> {
        let settings = serde_json::to_string(settings).map_err(Failure::from)?;
        Ok(on!(self.begin(), |db| set_settings(db, id, seen, &settings))?)
    }

    async fn remove(&self, id: ConnectionId) -> Result<(), StoreError> {
        Ok(on!(self.begin(), |db| removal::begin(db, id))?)
    }
}

#[async_trait]
impl StateStore for PostgresLedger {
    async fn pause(
        &self,
        id: ConnectionId,
        reason: PausedFor,
        because: &str,
        now: Timestamp,
    ) -> Result<State, StoreError> {
        Ok(on!(self.begin(), |db| pause(db, id, reason, because, now))?)
    }

    async fn pause_in(
        &self,
        id: ConnectionId,
        seen: Epoch,
        reason: PausedFor,
        because: &str,
        now: Timestamp,
    ) -> Result<State, StoreError> {
        Ok(on!(self.begin(), |db| pause_in(db, id, seen, (reason, because), now))?)
    }

    async fn resume(&self, id: ConnectionId, only: Option<PausedFor>) -> Result<bool, StoreError> {
        Ok(on!(self.begin(), |db| resume(db, id, only))?)
    }

    async fn save_learned_rate(&self, id: ConnectionId, rate: f64) -> Result<(), StoreError> {
        Ok(on!(self.read(), |db| set_rate(db, id, rate))?)
    }

    async fn save_asked_to_wait(&self, id: ConnectionId, until: Timestamp) -> Result<(), StoreError> {
        Ok(on!(self.read(), |db| set_wait(db, id, until))?)
    }
}

#[async_trait]
impl ApiKeyStore for PostgresLedger {
    async fn by_key_digest(
        &self,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<ConnectionId>, StoreError> {
        Ok(on!(self.read(), |db| keys::owner(db, digest, now))?)
    }

    async fn credentials(&self, id: ConnectionId) -> Result<SealedKey, StoreError> {
        Ok(on!(self.read(), |db| keys::newest(db, id))?)
    }

    async fn rotate_key(&self, id: ConnectionId, key: SealedKey, now: Timestamp) -> Result<(), StoreError> {
        let until = old_key_valid_until(now);
        Ok(on!(self.begin(), |db| async {
            rows_of::paused_for(db, id).await?;
            keys::replace(db, id, &key, now, until).await
        })?)
    }

    async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        Ok(on!(self.read(), |db| keys::all(db))?)
    }

    async fn reseal(&self, resealed: &[SealedKey]) -> Result<(), StoreError> {
        Ok(on!(self.begin(), |db| keys::reseal(db, resealed))?)
    }
}

#[async_trait]
impl MasterKeyStore for PostgresLedger {
    async fn check_value(&self, mine: &Digest) -> Result<Digest, StoreError> {
        Ok(on!(self.read(), |db| keys::check_value(db, mine))?)
    }

    async fn key_number(&self) -> Result<u32, StoreError> {
        Ok(on!(self.read(), |db| keys::number(db))?)
    }

    async fn set_key_number(&self, from: u32, to: u32) -> Result<(), StoreError> {
        Ok(on!(self.read(), |db| keys::set_number(db, from, to))?)
    }
}

fn found(rows: u64) -> Result<(), Failure> {
    if rows == 0 { Err(Failure::NoConnection) } else { Ok(()) }
}
