//! Stores shared secrets.

use async_trait::async_trait;
use connections::shared_secret::MAX_VALID_SECRETS;
use connections::store::old_key_valid_until;
use connections::{ConnectionId, SealedSecret, SharedSecretStore, StoreError};
use jiff::Timestamp;
use sqlx::PgConnection;

use super::rows_of::paused_for;
use super::{Failure, PostgresLedger, key_digest, micros, on, rows, sql, within};
use crate::words::limit;

const DROP_EXPIRED: &str = "DELETE FROM shared_secrets WHERE connection = $1 AND valid_until <= $2";

const RETIRE: &str = "UPDATE shared_secrets SET valid_until = $2
    WHERE connection = $1 AND valid_until IS NULL AND digest <> $3";

const PUT: &str = "INSERT INTO shared_secrets (connection, digest, sealed) VALUES ($1, $2, $3)
    ON CONFLICT (connection, digest) DO UPDATE SET sealed = excluded.sealed, valid_until = NULL";

const REMOVE: &str = "DELETE FROM shared_secrets WHERE connection = $1";

const VALID: &str = "SELECT connection, digest, sealed FROM shared_secrets
    WHERE connection = $1 AND (valid_until IS NULL OR valid_until > $2)
    ORDER BY valid_until DESC NULLS FIRST LIMIT $3";

const ALL: &str = "SELECT connection, digest, sealed FROM shared_secrets ORDER BY connection, digest";

const RESEAL: &str = "UPDATE shared_secrets SET sealed = new.sealed
    FROM UNNEST($1::bigint[], $2::bytea[], $3::bytea[]) AS new (connection, digest, sealed)
    WHERE shared_secrets.connection = new.connection AND shared_secrets.digest = new.digest";

type Stored = (ConnectionId, Vec<u8>, Vec<u8>);

#[async_trait]
impl SharedSecretStore for PostgresLedger {
    async fn set_shared_secret(&self, secret: SealedSecret, now: Timestamp) -> Result<(), StoreError> {
        Ok(on!(self.begin(), |db| set(db, &secret, now))?)
    }

    async fn remove_shared_secrets(&self, id: ConnectionId) -> Result<bool, StoreError> {
        let remove = sql(REMOVE).bind(id);
        Ok(on!(self.begin(), |db| async { Ok(remove.execute(db).await?.rows_affected() > 0) })?)
    }

    async fn shared_secrets(
        &self,
        id: ConnectionId,
        now: Timestamp,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        let ask = rows::<Stored>(VALID).bind(id).bind(micros(now)).bind(limit(MAX_VALID_SECRETS));
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        Ok(secrets(found)?)
    }

    async fn all_shared_secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        let ask = rows::<Stored>(ALL);
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        Ok(secrets(found)?)
    }

    async fn reseal_shared_secrets(&self, resealed: &[SealedSecret]) -> Result<(), StoreError> {
        let connections: Vec<ConnectionId> = resealed.iter().map(|secret| secret.connection).collect();
        let digests: Vec<&[u8]> = resealed.iter().map(|secret| &secret.digest[..]).collect();
        let sealed: Vec<&[u8]> = resealed.iter().map(|secret| &secret.sealed[..]).collect();
        let reseal = sql(RESEAL).bind(connections).bind(digests).bind(sealed);
        on!(self.begin(), |db| async { Ok(reseal.execute(db).await?) })?;
        Ok(())
    }
}

async fn set(db: &mut PgConnection, secret: &SealedSecret, now: Timestamp) -> Result<(), Failure> {
    // Fails if there is no such connection. Other replacements wait for this lock.
    paused_for(&mut *db, secret.connection).await?;
    let until = old_key_valid_until(now);
    let (id, digest) = (secret.connection, &secret.digest[..]);
    sql(DROP_EXPIRED).bind(id).bind(micros(now)).execute(&mut *db).await?;
    sql(RETIRE).bind(id).bind(micros(until)).bind(digest).execute(&mut *db).await?;
    sql(PUT).bind(id).bind(digest).bind(&secret.sealed).execute(db).await?;
    Ok(())
}

fn secrets(stored: Vec<Stored>) -> Result<Vec<SealedSecret>, Failure> {
    let secret = |(connection, digest, sealed): Stored| {
        Ok(SealedSecret { connection, digest: key_digest(&digest)?, sealed })
    };
    stored.into_iter().map(secret).collect()
}
