//! Stores write keys: the newest in the connection's row, replaced ones in a table of their own.

use async_trait::async_trait;
use connections::WriteKeys;
use connections::store::old_key_valid_until;
use sqlx::PgConnection;

use super::rows_of::paused_for;
use super::{
    ConnectionId, Failure, PostgresLedger, StoreError, Timestamp, found, micros, on, rows, sql, within,
};

const OWNER: &str = "SELECT id FROM connections WHERE write_key = $1
    UNION ALL SELECT connection FROM replaced_write_keys WHERE write_key = $1 AND valid_until > $2";

const DROP_EXPIRED: &str = "DELETE FROM replaced_write_keys WHERE valid_until <= $1";

const RETIRE: &str = "INSERT INTO replaced_write_keys (write_key, connection, valid_until)
    SELECT write_key, id, $2 FROM connections WHERE id = $1";

const REPLACE: &str = "UPDATE connections SET write_key = $2 WHERE id = $1";

#[async_trait]
impl WriteKeys for PostgresLedger {
    async fn by_write_key(
        &self,
        write_key: &str,
        now: Timestamp,
    ) -> Result<Option<ConnectionId>, StoreError> {
        Ok(on!(self.read(), |db| owner(db, write_key, now))?)
    }

    async fn rotate_write_key(
        &self,
        id: ConnectionId,
        write_key: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let until = old_key_valid_until(now);
        Ok(on!(self.begin(), |db| replace(db, id, write_key, now, until))?)
    }
}

async fn owner(
    db: &mut PgConnection,
    write_key: &str,
    now: Timestamp,
) -> Result<Option<ConnectionId>, Failure> {
    let owner: Option<(ConnectionId,)> =
        rows(OWNER).bind(write_key).bind(micros(now)).fetch_optional(db).await?;
    Ok(owner.map(|(connection,)| connection))
}

async fn replace(
    db: &mut PgConnection,
    id: ConnectionId,
    write_key: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), Failure> {
    sql(DROP_EXPIRED).bind(micros(now)).execute(&mut *db).await?;
    // Fails if there is no such connection. Other rotations wait for this lock.
    paused_for(&mut *db, id).await?;
    found(sql(RETIRE).bind(id).bind(micros(until)).execute(&mut *db).await?.rows_affected())?;
    found(sql(REPLACE).bind(id).bind(write_key).execute(db).await?.rows_affected())
}
