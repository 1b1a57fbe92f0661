//! Stores write keys: the newest in the connection's row, replaced ones in a table of their own.

use async_trait::async_trait;
use connections::store::old_key_valid_until;
use connections::{ConnectionId, StoreError, WriteKeys};
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _};

use super::super::SqliteLedger;
use super::super::words::micros;
use super::{Failure, found};

const OWNER: &str = "SELECT id FROM connections WHERE write_key = ?1
    UNION ALL SELECT connection FROM replaced_write_keys WHERE write_key = ?1 AND valid_until > ?2";

const DROP_EXPIRED: &str = "DELETE FROM replaced_write_keys WHERE valid_until <= ?1";

const RETIRE: &str = "INSERT INTO replaced_write_keys (write_key, connection, valid_until)
    SELECT write_key, id, ?2 FROM connections WHERE id = ?1";

const REPLACE: &str = "UPDATE connections SET write_key = ?2 WHERE id = ?1";

#[async_trait]
impl WriteKeys for SqliteLedger {
    async fn by_write_key(
        &self,
        write_key: &str,
        now: Timestamp,
    ) -> Result<Option<ConnectionId>, StoreError> {
        let write_key = write_key.to_owned();
        self.read(move |database| owner(database, &write_key, now)).await
    }

    async fn rotate_write_key(
        &self,
        id: ConnectionId,
        write_key: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let write_key = write_key.to_owned();
        let until = old_key_valid_until(now);
        self.write(move |database| replace(database, id, &write_key, now, until)).await
    }
}

fn owner(database: &Connection, write_key: &str, now: Timestamp) -> Result<Option<ConnectionId>, Failure> {
    let mut owner = database.prepare_cached(OWNER)?;
    Ok(owner.query_row((write_key, micros(now)), |row| row.get(0)).optional()?)
}

fn replace(
    database: &Connection,
    id: ConnectionId,
    write_key: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), Failure> {
    database.prepare_cached(DROP_EXPIRED)?.execute([micros(now)])?;
    found(database.prepare_cached(RETIRE)?.execute((id, micros(until)))?)?;
    found(database.prepare_cached(REPLACE)?.execute((id, write_key))?)
}
