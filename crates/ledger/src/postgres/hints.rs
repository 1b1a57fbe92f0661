//! Stores data from webhooks, and the secrets that they are signed with.

use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::{ConnectionId, SealedSecret};
use identity::Digest;

use super::accounts::removal;
use super::directory::note_drift;
use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::text;
use super::{PostgresLedger, rows, sql};
use crate::hints::MAX_CUSTOM_FIELDS;
use crate::words::{digest, key_digest, limit};
use crate::{Drift, Hints, LedgerError};

/// One lookup in each index for each code, even if the statistics of the tables are out of date: that is why there is `OFFSET 0`.
const ADDRESSES_OF: &str = "SELECT wanted.code, COALESCE(moved.address, listed.address)
    FROM UNNEST($2::text[]) AS wanted (code)
    LEFT JOIN LATERAL (
        SELECT address FROM directory WHERE connection = $1 AND code = wanted.code OFFSET 0) AS listed ON true
    LEFT JOIN LATERAL (
        SELECT address FROM drift WHERE connection = $1 AND code = wanted.code OFFSET 0) AS moved ON true
    WHERE COALESCE(moved.address, listed.address) IS NOT NULL";

const DRIFT_OF: &str = "SELECT wanted.code, found.fields FROM UNNEST($2::text[]) AS wanted (code)
    CROSS JOIN LATERAL (
        SELECT fields FROM drift WHERE connection = $1 AND code = wanted.code OFFSET 0) AS found";

const FIELDS: &str = "SELECT id, name FROM custom_fields WHERE connection = $1 ORDER BY id LIMIT $2";

const NOTE_FIELDS: &str = "INSERT INTO custom_fields (connection, id, name)
    SELECT $1, id, name FROM (
        SELECT new.id, new.name, known.id IS NOT NULL AS is_known,
            row_number() OVER (PARTITION BY known.id IS NULL ORDER BY new.id) AS place
        FROM UNNEST($2::bigint[], $3::text[]) AS new (id, name)
        LEFT JOIN custom_fields AS known ON known.connection = $1 AND known.id = new.id) AS new
    WHERE is_known OR place <= $4 - (SELECT count(*) FROM custom_fields WHERE connection = $1)
    ORDER BY id
    ON CONFLICT (connection, id) DO UPDATE SET name = excluded.name";

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
        let stored: Vec<_> = codes.iter().map(|code| text(code)).collect();
        let ask = rows::<(String, Vec<u8>)>(ADDRESSES_OF).bind(connection).bind(stored);
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        let one = |(code, address): (String, Vec<u8>)| Ok((code, digest(&address)?));
        let found = found.into_iter().map(one).collect::<Result<BTreeMap<_, _>, Failure>>()?;
        let asked = |code: &String| found.get(&*text(code)).map(|address| (code.clone(), *address));
        Ok(codes.iter().filter_map(asked).collect())
    }

    async fn custom_fields(&self, connection: ConnectionId) -> Result<BTreeMap<u64, String>, LedgerError> {
        let ask = rows::<(i64, String)>(FIELDS).bind(connection).bind(limit(MAX_CUSTOM_FIELDS));
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        Ok(found.into_iter().map(|(id, name)| (id.cast_unsigned(), name)).collect())
    }

    async fn note_custom_fields(
        &self,
        connection: ConnectionId,
        fields: &BTreeMap<u64, String>,
    ) -> Result<(), LedgerError> {
        let ids: Vec<i64> = fields.keys().map(|id| id.cast_signed()).collect();
        let names: Vec<_> = fields.values().map(|name| text(name)).collect();
        let write = sql(NOTE_FIELDS).bind(connection).bind(ids).bind(names);
        let write = write.bind(limit(MAX_CUSTOM_FIELDS));
        on!(self.begin(), |db| async {
            removal::check(&mut *db, connection).await?;
            write.execute(db).await?;
            Ok(())
        })?;
        Ok(())
    }

    async fn drift_of(
        &self,
        connection: ConnectionId,
        codes: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>, LedgerError> {
        let stored: Vec<_> = codes.iter().map(|code| text(code)).collect();
        let ask = rows::<(String, String)>(DRIFT_OF).bind(connection).bind(stored);
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        let one = |(code, fields): (String, String)| Ok((code, serde_json::from_str(&fields)?));
        let found = found.into_iter().map(one).collect::<Result<BTreeMap<_, Vec<String>>, Failure>>()?;
        let asked = |code: &String| Some((code.clone(), found.get(&*text(code))?.clone()));
        Ok(codes.iter().filter_map(asked).collect())
    }

    async fn note_drift(&self, connection: ConnectionId, drift: &Drift) -> Result<(), LedgerError> {
        on!(self.begin(), |db| async {
            removal::check(&mut *db, connection).await?;
            note_drift(db, connection, std::slice::from_ref(drift)).await
        })?;
        Ok(())
    }

    async fn webhook_secrets(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<SealedSecret>, LedgerError> {
        type Stored = (ConnectionId, Vec<u8>, Vec<u8>);
        let ask = rows::<Stored>(SECRETS).bind(connection);
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        let one = |(connection, digest, sealed): Stored| {
            Ok(SealedSecret { connection, digest: key_digest(&digest)?, sealed })
        };
        Ok(found.into_iter().map(one).collect::<Result<_, Failure>>()?)
    }

    async fn set_webhook_secret(&self, secret: &SealedSecret) -> Result<(), LedgerError> {
        on!(self.begin(), |db| async {
            removal::check(&mut *db, secret.connection).await?;
            let write = sql(SET_SECRET).bind(secret.connection).bind(&secret.digest[..]).bind(&secret.sealed);
            write.execute(db).await?;
            Ok(())
        })?;
        Ok(())
    }

    async fn remove_webhook_secret(&self, connection: ConnectionId) -> Result<bool, LedgerError> {
        let remove = sql(REMOVE_SECRET).bind(connection);
        Ok(on!(self.begin(), |db| async { Ok(remove.execute(db).await?.rows_affected() > 0) })?)
    }
}
