//! Stores keys of acts.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, params};

use super::SqliteLedger;
use super::failure::Failure;
use super::words::{limit, micros};
use crate::idempotency::{DROPPED_AT_ONCE, UNDER_WAY, crashes_at, expired};
use crate::{Begun, Idempotency, IdempotentRequest, KeptAnswer, LedgerError};

const DROP_EXPIRED: &str = "DELETE FROM idempotency_keys WHERE (operator, key_digest) IN
    (SELECT operator, key_digest FROM idempotency_keys WHERE begun_at < ?1 ORDER BY begun_at LIMIT ?2)";

/// Takes a new key, an expired one, or one whose act was never finished.
const BEGIN: &str = "INSERT INTO idempotency_keys (operator, key_digest, request_digest, owner, begun_at)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (operator, key_digest) DO UPDATE SET request_digest = excluded.request_digest,
        owner = excluded.owner, begun_at = excluded.begun_at, status = NULL, body = NULL
    WHERE idempotency_keys.begun_at < ?6
        OR (idempotency_keys.status IS NULL AND idempotency_keys.begun_at < ?7
            AND idempotency_keys.request_digest = excluded.request_digest)";

const READ: &str = "SELECT request_digest, status, body, begun_at FROM idempotency_keys WHERE operator = ?1 AND key_digest = ?2";

/// The time never goes back: the clocks of two processes may differ.
const RENEW: &str = "UPDATE idempotency_keys SET begun_at = MAX(begun_at, ?4)
    WHERE operator = ?1 AND key_digest = ?2 AND owner = ?3 AND status IS NULL";

const FINISH: &str = "UPDATE idempotency_keys SET status = ?4, body = ?5
    WHERE operator = ?1 AND key_digest = ?2 AND owner = ?3";

const GIVE_BACK: &str =
    "DELETE FROM idempotency_keys WHERE operator = ?1 AND key_digest = ?2 AND owner = ?3 AND status IS NULL";

#[async_trait]
impl Idempotency for SqliteLedger {
    async fn begin_request(&self, request: &IdempotentRequest) -> Result<Begun, LedgerError> {
        let request = request.clone();
        self.write(move |database| begin(database, &request)).await
    }

    async fn renew_request(&self, request: &IdempotentRequest, now: Timestamp) -> Result<bool, LedgerError> {
        let request = request.clone();
        self.write(move |database| {
            let IdempotentRequest { operator, key, owner, .. } = &request;
            let values = params![operator, key, owner.as_bytes(), micros(now)];
            Ok(database.prepare_cached(RENEW)?.execute(values)? > 0)
        })
        .await
    }

    async fn finish_request(
        &self,
        request: &IdempotentRequest,
        answer: Option<&KeptAnswer>,
    ) -> Result<(), LedgerError> {
        let (request, answer) = (request.clone(), answer.cloned());
        self.write(move |database| {
            let IdempotentRequest { operator, key, owner, .. } = &request;
            match answer {
                Some(KeptAnswer { status, body }) => database.prepare_cached(FINISH)?.execute(params![
                    operator,
                    key,
                    owner.as_bytes(),
                    status,
                    body
                ])?,
                None => {
                    database.prepare_cached(GIVE_BACK)?.execute(params![operator, key, owner.as_bytes()])?
                }
            };
            Ok(())
        })
        .await
    }
}

/// Deletes expired keys with their answers, at most `most`. Returns their number.
pub(super) fn drop_expired(database: &Connection, now: Timestamp, most: usize) -> Result<usize, Failure> {
    Ok(database.prepare_cached(DROP_EXPIRED)?.execute((expired(now), limit(most)))?)
}

fn begin(database: &Connection, request: &IdempotentRequest) -> Result<Begun, Failure> {
    let now = request.at;
    let crashed = now.checked_sub(UNDER_WAY).map_or(i64::MIN, micros);
    drop_expired(database, now, DROPPED_AT_ONCE)?;
    let IdempotentRequest { operator, key, request: digest, owner, .. } = request;
    let values = params![operator, key, digest, owner.as_bytes(), micros(now), expired(now), crashed];
    if database.prepare_cached(BEGIN)?.execute(values)? > 0 {
        return Ok(Begun::New);
    }
    let read = |row: &sqlite::rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let found = database.prepare_cached(READ)?.query_row(params![operator, key], read).optional()?;
    let (kept, status, body, begun): ([u8; 16], Option<u16>, Option<String>, i64) =
        found.ok_or_else(|| Failure::Broken("an idempotency key no longer exists".to_owned()))?;
    Ok(match status {
        _ if kept != *digest => Begun::OtherRequest,
        Some(status) => Begun::Answered(KeptAnswer { status, body }),
        None => Begun::UnderWay { until: crashes_at(begun, now) },
    })
}
