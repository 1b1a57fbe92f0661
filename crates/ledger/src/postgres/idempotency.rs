//! Stores keys of acts.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::PgConnection;

use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::{some_text, text};
use super::{PostgresLedger, rows, sql};
use crate::idempotency::{DROPPED_AT_ONCE, UNDER_WAY, crashes_at, expired};
use crate::words::{limit, micros};
use crate::{Begun, Idempotency, IdempotentRequest, KeptAnswer, LedgerError};

const DROP_EXPIRED: &str = "DELETE FROM idempotency_keys WHERE (operator, key_digest) IN
    (SELECT operator, key_digest FROM idempotency_keys WHERE begun_at < $1 ORDER BY begun_at LIMIT $2
        FOR UPDATE SKIP LOCKED)";

/// Takes a new key, an expired one, or one whose act was never finished.
const BEGIN: &str = "INSERT INTO idempotency_keys (operator, key_digest, request_digest, owner, begun_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (operator, key_digest) DO UPDATE SET request_digest = excluded.request_digest,
        owner = excluded.owner, begun_at = excluded.begun_at, status = NULL, body = NULL
    WHERE idempotency_keys.begun_at < $6
        OR (idempotency_keys.status IS NULL AND idempotency_keys.begun_at < $7
            AND idempotency_keys.request_digest = excluded.request_digest)";

const READ: &str = "SELECT request_digest, status, body, begun_at FROM idempotency_keys WHERE operator = $1 AND key_digest = $2";

/// The time never goes back: the clocks of two processes may differ.
const RENEW: &str = "UPDATE idempotency_keys SET begun_at = GREATEST(begun_at, $4)
    WHERE operator = $1 AND key_digest = $2 AND owner = $3 AND status IS NULL";

const FINISH: &str = "UPDATE idempotency_keys SET status = $4, body = $5
    WHERE operator = $1 AND key_digest = $2 AND owner = $3";

const GIVE_BACK: &str =
    "DELETE FROM idempotency_keys WHERE operator = $1 AND key_digest = $2 AND owner = $3 AND status IS NULL";

/// A stored key: the digest of its request, the answer's status and body, and the time when the act began.
type Stored = (Vec<u8>, Option<i32>, Option<String>, i64);

#[async_trait]
impl Idempotency for PostgresLedger {
    async fn begin_request(&self, request: &IdempotentRequest) -> Result<Begun, LedgerError> {
        Ok(on!(self.begin(), |db| begin(db, request))?)
    }

    async fn renew_request(&self, request: &IdempotentRequest, now: Timestamp) -> Result<bool, LedgerError> {
        let renew = sql(RENEW).bind(text(&request.operator)).bind(request.key.to_vec());
        let renew = renew.bind(request.owner).bind(micros(now));
        Ok(on!(self.begin(), |db| async { Ok(renew.execute(db).await?.rows_affected() > 0) })?)
    }

    async fn finish_request(
        &self,
        request: &IdempotentRequest,
        answer: Option<&KeptAnswer>,
    ) -> Result<(), LedgerError> {
        Ok(on!(self.begin(), |db| finish(db, request, answer))?)
    }
}

async fn finish(
    db: &mut PgConnection,
    request: &IdempotentRequest,
    answer: Option<&KeptAnswer>,
) -> Result<(), Failure> {
    let statement = if answer.is_some() { FINISH } else { GIVE_BACK };
    let finish = sql(statement).bind(text(&request.operator)).bind(request.key.to_vec()).bind(request.owner);
    let finish = match answer {
        Some(KeptAnswer { status, body }) => finish.bind(i32::from(*status)).bind(some_text(body.as_ref())),
        None => finish,
    };
    finish.execute(db).await?;
    Ok(())
}

/// Deletes expired keys with their answers, at most `most`.
pub(super) async fn drop_expired(db: &mut PgConnection, now: Timestamp, most: usize) -> Result<(), Failure> {
    sql(DROP_EXPIRED).bind(expired(now)).bind(limit(most)).execute(db).await?;
    Ok(())
}

async fn begin(db: &mut PgConnection, request: &IdempotentRequest) -> Result<Begun, Failure> {
    let now = request.at;
    let crashed = now.checked_sub(UNDER_WAY).map_or(i64::MIN, micros);
    drop_expired(&mut *db, now, DROPPED_AT_ONCE).await?;
    let begin = sql(BEGIN)
        .bind(text(&request.operator))
        .bind(request.key.to_vec())
        .bind(request.request.to_vec())
        .bind(request.owner)
        .bind(micros(now))
        .bind(expired(now))
        .bind(crashed);
    if begin.execute(&mut *db).await?.rows_affected() > 0 {
        return Ok(Begun::New);
    }
    let read = rows(READ).bind(text(&request.operator)).bind(request.key.to_vec());
    let found: Option<Stored> = read.fetch_optional(db).await?;
    Ok(match found {
        Some((kept, ..)) if kept != request.request => Begun::OtherRequest,
        Some((_, Some(status), body, _)) => {
            Begun::Answered(KeptAnswer { status: u16::try_from(status).unwrap_or(500), body })
        }
        Some((_, None, _, begun)) => Begun::UnderWay { until: crashes_at(begun, now) },
        // The key was released at this moment.
        None => Begun::UnderWay { until: now },
    })
}
