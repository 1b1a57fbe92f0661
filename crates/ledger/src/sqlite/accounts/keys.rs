//! Stores API keys and the check value of the master key.

use connections::vault::FIRST_KEY_NUMBER;
use connections::{Conflict, ConnectionId, Digest, SealedKey};
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};

use super::super::rows;
use super::super::words::{key_digest, micros};
use super::Failure;

const OWNER: &str =
    "SELECT connection FROM api_keys WHERE digest = ?1 AND (valid_until IS NULL OR valid_until > ?2)";

const NEWEST: &str = "SELECT digest, sealed FROM api_keys WHERE connection = ?1 AND valid_until IS NULL";

const ALL: &str = "SELECT digest, sealed FROM api_keys ORDER BY digest";

const DROP_EXPIRED: &str = "DELETE FROM api_keys WHERE valid_until <= ?1";

const RETIRE: &str =
    "UPDATE api_keys SET valid_until = ?2 WHERE connection = ?1 AND valid_until IS NULL AND digest <> ?3";

const PUT: &str = "INSERT INTO api_keys (digest, connection, sealed) VALUES (?1, ?2, ?3)
    ON CONFLICT (digest) DO UPDATE SET sealed = excluded.sealed, valid_until = NULL";

const RESEAL: &str = "UPDATE api_keys SET sealed = ?2 WHERE digest = ?1";

const BEGIN_MASTER_KEY: &str = "INSERT INTO master_key (only_row, check_value, key_number) VALUES (1, ?1, ?2)
    ON CONFLICT (only_row) DO NOTHING";

const CHECK_VALUE: &str = "SELECT check_value FROM master_key";

const NUMBER: &str = "SELECT key_number FROM master_key";

const SET_NUMBER: &str = "UPDATE master_key SET key_number = ?2 WHERE key_number = ?1";

/// The connection that a key belongs to.
pub(super) fn owner(
    database: &Connection,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<ConnectionId>, Failure> {
    let mut owner = database.prepare_cached(OWNER)?;
    Ok(owner.query_row((digest, micros(now)), |row| row.get(0)).optional()?)
}

/// The newest key of a connection.
pub(super) fn newest(database: &Connection, id: ConnectionId) -> Result<SealedKey, Failure> {
    let mut statement = database.prepare_cached(NEWEST)?;
    let mut rows = statement.query([id])?;
    sealed_key(rows.next()?.ok_or(Failure::NoConnection)?)
}

/// Every key.
pub(super) fn all(database: &Connection) -> Result<Vec<SealedKey>, Failure> {
    rows::all(database, ALL, (), sealed_key)
}

fn sealed_key(row: &Row<'_>) -> Result<SealedKey, Failure> {
    Ok(SealedKey { digest: key_digest(&row.get::<_, Vec<u8>>(0)?)?, sealed: row.get(1)? })
}

/// Gives a new connection its key.
pub(super) fn first(
    database: &Connection,
    id: ConnectionId,
    key: &SealedKey,
    now: Timestamp,
) -> Result<(), Failure> {
    replace(database, id, key, now, now)
}

/// Gives a connection another key; the previous one is valid until `until`. Expired keys are deleted.
pub(super) fn replace(
    database: &Connection,
    id: ConnectionId,
    key: &SealedKey,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), Failure> {
    database.prepare_cached(DROP_EXPIRED)?.execute([micros(now)])?;
    if owner(database, &key.digest, now)?.is_some_and(|owner| owner != id) {
        return Err(Failure::InTheWay(Conflict::KeyTaken));
    }
    database.prepare_cached(RETIRE)?.execute((id, micros(until), &key.digest))?;
    database.prepare_cached(PUT)?.execute((&key.digest, id, &key.sealed))?;
    Ok(())
}

/// Replaces sealed texts with newly sealed ones.
pub(super) fn reseal(database: &Connection, keys: &[SealedKey]) -> Result<(), Failure> {
    let mut reseal = database.prepare_cached(RESEAL)?;
    for key in keys {
        reseal.execute((&key.digest, &key.sealed))?;
    }
    Ok(())
}

/// The check value of this ledger's master key; stores `mine` if there was none.
pub(super) fn check_value(database: &Connection, mine: &Digest) -> Result<Digest, Failure> {
    database.prepare_cached(BEGIN_MASTER_KEY)?.execute((mine, FIRST_KEY_NUMBER))?;
    let value: Vec<u8> = database.prepare_cached(CHECK_VALUE)?.query_row([], |row| row.get(0))?;
    Ok(key_digest(&value)?)
}

/// The number of the encryption key.
pub(super) fn number(database: &Connection) -> Result<u32, Failure> {
    let number = database.prepare_cached(NUMBER)?.query_row([], |row| row.get(0)).optional()?;
    Ok(number.unwrap_or(FIRST_KEY_NUMBER))
}

/// Changes to another encryption key.
pub(super) fn set_number(database: &Connection, from: u32, to: u32) -> Result<(), Failure> {
    if database.prepare_cached(SET_NUMBER)?.execute((from, to))? == 0 {
        return Err(Failure::InTheWay(Conflict::KeyNumberChanged));
    }
    Ok(())
}
