//! Stores data from webhooks, and the secrets that they are signed with.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::{ConnectionId, SealedSecret};
use identity::Digest;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};

use super::SqliteLedger;
use super::accounts::removal;
use super::directory::note_drift;
use super::failure::Failure;
use super::rows::all;
use super::words::{affiliate_id, key_digest, limit};
use crate::hints::MAX_CUSTOM_FIELDS;
use crate::{Drift, Hints, LedgerError};

const ADDRESS_OF: &str = "SELECT COALESCE(
        (SELECT address FROM drift WHERE connection = ?1 AND code = ?2),
        (SELECT address FROM directory WHERE connection = ?1 AND code = ?2))";

const DRIFT_OF: &str = "SELECT fields FROM drift WHERE connection = ?1 AND code = ?2";

const FIELDS: &str = "SELECT id, name FROM custom_fields WHERE connection = ?1 ORDER BY id LIMIT ?2";

const FIELD: &str = "INSERT INTO custom_fields (connection, id, name)
    SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM custom_fields WHERE connection = ?1) < ?4
        OR EXISTS (SELECT 1 FROM custom_fields WHERE connection = ?1 AND id = ?2)
    ON CONFLICT (connection, id) DO UPDATE SET name = excluded.name";

const SECRETS: &str =
    "SELECT connection, digest, sealed FROM webhook_secrets WHERE ?1 IS NULL OR connection = ?1";

const SET_SECRET: &str = "INSERT INTO webhook_secrets (connection, digest, sealed) VALUES (?1, ?2, ?3)
    ON CONFLICT (connection) DO UPDATE SET digest = excluded.digest, sealed = excluded.sealed";

const REMOVE_SECRET: &str = "DELETE FROM webhook_secrets WHERE connection = ?1";

#[async_trait]
impl Hints for SqliteLedger {
    async fn addresses_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Digest>, LedgerError> {
        let codes = codes.to_vec();
        self.read(move |database| {
            let mut read = database.prepare_cached(ADDRESS_OF)?;
            let mut addresses = BTreeMap::new();
            for code in codes {
                let found: Option<[u8; 16]> = read.query_row((connection, &code), |row| row.get(0))?;
                addresses.extend(found.map(|address| (code, Digest(address))));
            }
            Ok(addresses)
        })
        .await
    }

    async fn custom_fields(&self, connection: ConnectionId) -> Result<BTreeMap<u64, String>, LedgerError> {
        self.read(move |database| fields(database, connection)).await
    }

    async fn note_custom_fields(
        &self,
        connection: ConnectionId,
        fields: &BTreeMap<u64, String>,
    ) -> Result<(), LedgerError> {
        let fields = fields.clone();
        self.write(move |database| {
            removal::check(database, connection)?;
            let mut write = database.prepare_cached(FIELD)?;
            for (id, name) in fields {
                write.execute((connection, affiliate_id(Some(id))?, name, limit(MAX_CUSTOM_FIELDS)))?;
            }
            Ok(())
        })
        .await
    }

    async fn drift_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>, LedgerError> {
        let codes = codes.to_vec();
        self.read(move |database| {
            let mut read = database.prepare_cached(DRIFT_OF)?;
            let mut drift = BTreeMap::new();
            for code in codes {
                let fields: Option<String> =
                    read.query_row((connection, &code), |row| row.get(0)).optional()?;
                if let Some(fields) = fields {
                    drift.insert(code, serde_json::from_str(&fields)?);
                }
            }
            Ok(drift)
        })
        .await
    }

    async fn note_drift(&self, connection: ConnectionId, drift: &Drift) -> Result<(), LedgerError> {
        let drift = drift.clone();
        self.write(move |database| {
            removal::check(database, connection)?;
            note_drift(database, connection, &drift)
        })
        .await
    }

    async fn webhook_secrets(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<SealedSecret>, LedgerError> {
        self.read(move |database| secrets(database, connection)).await
    }

    async fn set_webhook_secret(&self, secret: &SealedSecret) -> Result<(), LedgerError> {
        let secret = secret.clone();
        self.write(move |database| {
            removal::check(database, secret.connection)?;
            database.prepare_cached(SET_SECRET)?.execute((
                secret.connection,
                &secret.digest,
                &secret.sealed,
            ))?;
            Ok(())
        })
        .await
    }

    async fn remove_webhook_secret(&self, connection: ConnectionId) -> Result<bool, LedgerError> {
        self.write(move |database| Ok(database.prepare_cached(REMOVE_SECRET)?.execute([connection])? > 0))
            .await
    }
}

fn fields(database: &Connection, connection: ConnectionId) -> Result<BTreeMap<u64, String>, Failure> {
    let field = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?));
    all(database, FIELDS, (connection, limit(MAX_CUSTOM_FIELDS)), field)
}

fn secrets(database: &Connection, connection: Option<ConnectionId>) -> Result<Vec<SealedSecret>, Failure> {
    all(database, SECRETS, [connection], |row| {
        Ok(SealedSecret {
            connection: row.get(0)?,
            digest: key_digest(&row.get::<_, Vec<u8>>(1)?)?,
            sealed: row.get(2)?,
        })
    })
}
