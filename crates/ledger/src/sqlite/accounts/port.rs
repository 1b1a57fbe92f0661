//! The store of connections. Each method is one snapshot or one transaction, and uses the functions of the neighbouring modules.

use async_trait::async_trait;
use connections::store::old_key_valid_until;
use connections::{
    ApiKeyStore, Connection as Account, ConnectionId, ConnectionName, Digest, Epoch, MasterKeyStore,
    NewConnection, PausedFor, Registry, SealedKey, Settings, State, StateStore, StoreError,
};
use jiff::Timestamp;

use super::super::SqliteLedger;
use super::super::failure::Failure;
use super::super::words::micros;
use super::{
    IS_EMPTY, SET_RATE, SET_WAIT, add, found, is_in_force, keys, pause, paused_for, read, removal, resume,
    set_settings,
};

#[async_trait]
impl Registry for SqliteLedger {
    async fn add(&self, new: NewConnection) -> Result<Account, StoreError> {
        self.write(move |database| add(database, &new)).await
    }

    async fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.read(|database| read(database, None, None)).await
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        self.read(|database| Ok(database.prepare_cached(IS_EMPTY)?.query_row((), |row| row.get(0))?)).await
    }

    async fn by_name(&self, name: &ConnectionName) -> Result<Option<Account>, StoreError> {
        let name = name.clone();
        self.read(move |database| Ok(read(database, Some(&name), None)?.pop())).await
    }

    async fn by_id(&self, id: ConnectionId) -> Result<Option<Account>, StoreError> {
        self.read(move |database| Ok(read(database, None, Some(id))?.pop())).await
    }

    async fn set_settings(
        &self,
        id: ConnectionId,
        seen: i64,
        settings: &Settings,
    ) -> Result<i64, StoreError> {
        let settings = serde_json::to_string(settings).map_err(Failure::from)?;
        self.write(move |database| set_settings(database, id, seen, &settings)).await
    }

    async fn remove(&self, id: ConnectionId) -> Result<(), StoreError> {
        self.write::<_, StoreError>(move |database| removal::begin(database, id)).await?;
        self.forgot().await;
        Ok(())
    }
}

#[async_trait]
impl StateStore for SqliteLedger {
    async fn pause(
        &self,
        id: ConnectionId,
        reason: PausedFor,
        because: &str,
        now: Timestamp,
    ) -> Result<State, StoreError> {
        let because = because.to_owned();
        self.write(move |database| pause(database, id, reason, &because, now)).await
    }

    async fn pause_in(
        &self,
        id: ConnectionId,
        seen: Epoch,
        reason: PausedFor,
        because: &str,
        now: Timestamp,
    ) -> Result<State, StoreError> {
        let because = because.to_owned();
        self.write(move |database| match is_in_force(database, id, seen)? {
            true => pause(database, id, reason, &because, now),
            false => Ok(paused_for(database, id)?.map_or(State::Active, State::Paused)),
        })
        .await
    }

    async fn resume(&self, id: ConnectionId, only: Option<PausedFor>) -> Result<bool, StoreError> {
        self.write(move |database| resume(database, id, only)).await
    }

    async fn save_learned_rate(&self, id: ConnectionId, rate: f64) -> Result<(), StoreError> {
        self.write(move |database| found(database.prepare_cached(SET_RATE)?.execute((id, rate))?)).await
    }

    async fn save_asked_to_wait(&self, id: ConnectionId, until: Timestamp) -> Result<(), StoreError> {
        self.write(move |database| found(database.prepare_cached(SET_WAIT)?.execute((id, micros(until)))?))
            .await
    }
}

#[async_trait]
impl ApiKeyStore for SqliteLedger {
    async fn by_key_digest(
        &self,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<ConnectionId>, StoreError> {
        let digest = *digest;
        self.read(move |database| keys::owner(database, &digest, now)).await
    }

    async fn credentials(&self, id: ConnectionId) -> Result<SealedKey, StoreError> {
        self.read(move |database| keys::newest(database, id)).await
    }

    async fn rotate_key(&self, id: ConnectionId, key: SealedKey, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |database| {
            paused_for(database, id)?;
            let until = old_key_valid_until(now);
            keys::replace(database, id, &key, now, until)
        })
        .await
    }

    async fn sealed_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        self.read(keys::all).await
    }

    async fn reseal(&self, resealed: &[SealedKey]) -> Result<(), StoreError> {
        let resealed = resealed.to_vec();
        self.write(move |database| keys::reseal(database, &resealed)).await
    }
}

#[async_trait]
impl MasterKeyStore for SqliteLedger {
    async fn check_value(&self, mine: &Digest) -> Result<Digest, StoreError> {
        let mine = *mine;
        self.write(move |database| keys::check_value(database, &mine)).await
    }

    async fn key_number(&self) -> Result<u32, StoreError> {
        self.read(keys::number).await
    }

    async fn set_key_number(&self, from: u32, to: u32) -> Result<(), StoreError> {
        self.write(move |database| keys::set_number(database, from, to)).await
    }
}
