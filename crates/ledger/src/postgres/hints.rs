//! What webhooks say, and the secrets that they are signed with.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::{ConnectionId, SealedSecret};
use identity::Digest;

use super::accounts::removal;
use super::directory::digest;
use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::{PostgresLedger, rows, sql};
use crate::hints::MAX_CUSTOM_FIELDS;
use crate::words::{key_digest, limit, micros};
use crate::{Drift, Hints, LedgerError};

const ADDRESSES_OF: &str = "SELECT code, address FROM directory
    WHERE connection = $1 AND code = ANY($2) AND address IS NOT NULL";

const FIELDS: &str = "SELECT id, name FROM custom_fields WHERE connection = $1 ORDER BY id LIMIT $2";

const NOTE_FIELDS: &str = "INSERT INTO custom_fields (connection, id, name)
    SELECT $1, id, name FROM UNNEST($2::bigint[], $3::text[]) AS new (id, name)
    WHERE (SELECT count(*) FROM custom_fields WHERE connection = $1) + $4 <= $5
        OR EXISTS (SELECT 1 FROM custom_fields k WHERE k.connection = $1 AND k.id = new.id)
    ORDER BY id
    ON CONFLICT (connection, id) DO UPDATE SET name = excluded.name";

const NO_DRIFT: &str = "DELETE FROM drift WHERE connection = $1 AND code = $2";

const DRIFT: &str =
    "INSERT INTO drift (connection, code, address, fields, found_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (connection, code) DO UPDATE SET
        address = excluded.address, fields = excluded.fields, found_at = excluded.found_at";

const SECRETS: &str =
    "SELECT connection, digest, sealed FROM webhook_secrets WHERE $1::bigint IS NULL OR connection = $1";

const SET_SECRET: &str = "INSERT INTO webhook_secrets (connection, digest, sealed) VALUES ($1, $2, $3)
    ON CONFLICT (connection) DO UPDATE SET digest = excluded.digest, sealed = excluded.sealed";

const REMOVE_SECRET: &str = "DELETE FROM webhook_secrets WHERE connection = $1";

#[async_trait]
impl Hints for PostgresLedger {
    async fn addresses_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Digest>, LedgerError> {
        let ask = rows::<(String, Vec<u8>)>(ADDRESSES_OF).bind(connection).bind(codes);
        let found = on!(self.read(), |line| async { Ok(ask.fetch_all(line).await?) })?;
        let one = |(code, address): (String, Vec<u8>)| Ok((code, digest(&address)?));
        Ok(found.into_iter().map(one).collect::<Result<_, Failure>>()?)
    }

    async fn custom_fields(&self, connection: ConnectionId) -> Result<BTreeMap<u64, String>, LedgerError> {
        let ask = rows::<(i64, String)>(FIELDS).bind(connection).bind(limit(MAX_CUSTOM_FIELDS));
        let found = on!(self.read(), |line| async { Ok(ask.fetch_all(line).await?) })?;
        Ok(found.into_iter().map(|(id, name)| (id.cast_unsigned(), name)).collect())
    }

    async fn note_custom_fields(
        &self,
        connection: ConnectionId,
        fields: &BTreeMap<u64, String>,
    ) -> Result<(), LedgerError> {
        let ids: Vec<i64> = fields.keys().map(|id| id.cast_signed()).collect();
        let names: Vec<&str> = fields.values().map(String::as_str).collect();
        let write = sql(NOTE_FIELDS).bind(connection).bind(ids).bind(names);
        let write = write.bind(limit(fields.len())).bind(limit(MAX_CUSTOM_FIELDS));
        on!(self.begin(), |line| async {
            removal::check(&mut *line, connection).await?;
            write.execute(line).await?;
            Ok(())
        })?;
        Ok(())
    }

    async fn note_drift(&self, connection: ConnectionId, drift: &Drift) -> Result<(), LedgerError> {
        let address = drift.address.as_ref().map(|address| &address.0[..]);
        on!(self.begin(), |line| async {
            removal::check(&mut *line, connection).await?;
            if drift.fields.is_empty() {
                sql(NO_DRIFT).bind(connection).bind(&drift.code).execute(line).await?;
                return Ok(());
            }
            let fields = serde_json::to_string(&drift.fields)?;
            let write = sql(DRIFT).bind(connection).bind(&drift.code).bind(address).bind(fields);
            write.bind(micros(drift.found_at)).execute(line).await?;
            Ok(())
        })?;
        Ok(())
    }

    async fn webhook_secrets(&self, of: Option<ConnectionId>) -> Result<Vec<SealedSecret>, LedgerError> {
        type Stored = (ConnectionId, Vec<u8>, Vec<u8>);
        let ask = rows::<Stored>(SECRETS).bind(of);
        let found = on!(self.read(), |line| async { Ok(ask.fetch_all(line).await?) })?;
        let one = |(connection, digest, sealed): Stored| {
            Ok(SealedSecret { connection, digest: key_digest(&digest)?, sealed })
        };
        Ok(found.into_iter().map(one).collect::<Result<_, Failure>>()?)
    }

    async fn set_webhook_secret(&self, secret: &SealedSecret) -> Result<(), LedgerError> {
        on!(self.begin(), |line| async {
            removal::check(&mut *line, secret.connection).await?;
            let write = sql(SET_SECRET).bind(secret.connection).bind(&secret.digest[..]).bind(&secret.sealed);
            write.execute(line).await?;
            Ok(())
        })?;
        Ok(())
    }

    async fn remove_webhook_secret(&self, connection: ConnectionId) -> Result<bool, LedgerError> {
        let remove = sql(REMOVE_SECRET).bind(connection);
        Ok(on!(self.begin(), |line| async { Ok(remove.execute(line).await?.rows_affected() > 0) })?)
    }
}
