//! The times until which replaced keys are valid.

use async_trait::async_trait;
use connections::{ConnectionId, ReplacedKeys, ReplacedUntil, StoreError};
use jiff::Timestamp;
use sqlite::rusqlite::Connection;

use super::super::SqliteLedger;
use super::super::words::{micros, time};
use super::Failure;

const READ: &str = "SELECT
        (SELECT MAX(valid_until) FROM api_keys WHERE connection = ?1 AND valid_until > ?2),
        (SELECT MAX(valid_until) FROM replaced_write_keys WHERE connection = ?1 AND valid_until > ?2),
        (SELECT MAX(valid_until) FROM shared_secrets WHERE connection = ?1 AND valid_until > ?2)";

#[async_trait]
impl ReplacedKeys for SqliteLedger {
    async fn replaced_until(&self, id: ConnectionId, now: Timestamp) -> Result<ReplacedUntil, StoreError> {
        self.read(move |database| read(database, id, now)).await
    }
}

fn read(database: &Connection, id: ConnectionId, now: Timestamp) -> Result<ReplacedUntil, Failure> {
    let mut read = database.prepare_cached(READ)?;
    let found = read.query_row((id, micros(now)), |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
    let at = |micros: Option<i64>| micros.map(time).transpose();
    let [api_key, write_key, shared_secret] = found;
    Ok(ReplacedUntil { api_key: at(api_key)?, write_key: at(write_key)?, shared_secret: at(shared_secret)? })
}
