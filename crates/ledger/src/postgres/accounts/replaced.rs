//! The times until which replaced keys are valid.

use async_trait::async_trait;
use connections::{ReplacedKeys, ReplacedUntil};
use sqlx::PgConnection;

use super::{ConnectionId, Failure, PostgresLedger, StoreError, Timestamp, micros, on, rows, time, within};

const READ: &str = "SELECT
        (SELECT MAX(valid_until) FROM api_keys WHERE connection = $1 AND valid_until > $2),
        (SELECT MAX(valid_until) FROM replaced_write_keys WHERE connection = $1 AND valid_until > $2),
        (SELECT MAX(valid_until) FROM shared_secrets WHERE connection = $1 AND valid_until > $2)";

type Found = (Option<i64>, Option<i64>, Option<i64>);

#[async_trait]
impl ReplacedKeys for PostgresLedger {
    async fn replaced_until(&self, id: ConnectionId, now: Timestamp) -> Result<ReplacedUntil, StoreError> {
        Ok(on!(self.read(), |db| read(db, id, now))?)
    }
}

async fn read(db: &mut PgConnection, id: ConnectionId, now: Timestamp) -> Result<ReplacedUntil, Failure> {
    let found: Found = rows(READ).bind(id).bind(micros(now)).fetch_one(db).await?;
    let at = |micros: Option<i64>| micros.map(time).transpose();
    let (api_key, write_key, shared_secret) = found;
    Ok(ReplacedUntil { api_key: at(api_key)?, write_key: at(write_key)?, shared_secret: at(shared_secret)? })
}
