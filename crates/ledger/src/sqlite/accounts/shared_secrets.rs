//! Stores shared secrets.

use async_trait::async_trait;
use connections::shared_secret::MAX_VALID_SECRETS;
use connections::store::old_key_valid_until;
use connections::{ConnectionId, SealedSecret, SharedSecretStore, StoreError};
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, Row, params};

use super::super::SqliteLedger;
use super::super::rows::all;
use super::super::words::{key_digest, micros};
use super::{Failure, paused_for};
use crate::sqlite::words::limit;

const DROP_EXPIRED: &str = "DELETE FROM shared_secrets WHERE connection = ?1 AND valid_until <= ?2";

const RETIRE: &str = "UPDATE shared_secrets SET valid_until = ?2
    WHERE connection = ?1 AND valid_until IS NULL AND digest <> ?3";

const PUT: &str = "INSERT INTO shared_secrets (connection, digest, sealed) VALUES (?1, ?2, ?3)
    ON CONFLICT (connection, digest) DO UPDATE SET sealed = excluded.sealed, valid_until = NULL";

const REMOVE: &str = "DELETE FROM shared_secrets WHERE connection = ?1";

const VALID: &str = "SELECT connection, digest, sealed FROM shared_secrets
    WHERE connection = ?1 AND (valid_until IS NULL OR valid_until > ?2)
    ORDER BY valid_until IS NOT NULL, valid_until DESC LIMIT ?3";

const ALL: &str = "SELECT connection, digest, sealed FROM shared_secrets ORDER BY connection, digest";

const RESEAL: &str = "UPDATE shared_secrets SET sealed = ?3 WHERE connection = ?1 AND digest = ?2";

#[async_trait]
impl SharedSecretStore for SqliteLedger {
    async fn set_shared_secret(&self, secret: SealedSecret, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |database| set(database, &secret, now)).await
    }

    async fn remove_shared_secrets(&self, id: ConnectionId) -> Result<bool, StoreError> {
        self.write(move |database| Ok(database.prepare_cached(REMOVE)?.execute([id])? > 0)).await
    }

    async fn shared_secrets(
        &self,
        id: ConnectionId,
        now: Timestamp,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        self.read(move |database| read(database, VALID, params![id, micros(now), limit(MAX_VALID_SECRETS)]))
            .await
    }

    async fn all_shared_secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        self.read(|database| read(database, ALL, params![])).await
    }

    async fn reseal_shared_secrets(&self, secrets: &[SealedSecret]) -> Result<(), StoreError> {
        let secrets = secrets.to_vec();
        self.write(move |database| {
            let mut reseal = database.prepare_cached(RESEAL)?;
            for secret in &secrets {
                reseal.execute((secret.connection, &secret.digest, &secret.sealed))?;
            }
            Ok(())
        })
        .await
    }
}

fn set(database: &Connection, secret: &SealedSecret, now: Timestamp) -> Result<(), Failure> {
    // Fails if there is no such connection.
    paused_for(database, secret.connection)?;
    let until = old_key_valid_until(now);
    database.prepare_cached(DROP_EXPIRED)?.execute((secret.connection, micros(now)))?;
    database.prepare_cached(RETIRE)?.execute((secret.connection, micros(until), &secret.digest))?;
    database.prepare_cached(PUT)?.execute((secret.connection, &secret.digest, &secret.sealed))?;
    Ok(())
}

fn read(
    database: &Connection,
    statement: &str,
    values: impl sqlite::rusqlite::Params,
) -> Result<Vec<SealedSecret>, Failure> {
    all(database, statement, values, secret)
}

fn secret(row: &Row<'_>) -> Result<SealedSecret, Failure> {
    Ok(SealedSecret {
        connection: row.get(0)?,
        digest: key_digest(&row.get::<_, Vec<u8>>(1)?)?,
        sealed: row.get(2)?,
    })
}
