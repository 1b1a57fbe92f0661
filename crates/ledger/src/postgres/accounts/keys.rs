//! Stores API keys and the check value of the master key.

use connections::Conflict;
use connections::vault::FIRST_KEY_NUMBER;
use sqlx::PgConnection;

use super::{ConnectionId, Digest, Failure, SealedKey, Timestamp, key_digest, micros, rows, sql};
use crate::words::small;

const OWNER: &str =
    "SELECT connection FROM api_keys WHERE digest = $1 AND (valid_until IS NULL OR valid_until > $2)";

const NEWEST: &str = "SELECT digest, sealed FROM api_keys WHERE connection = $1 AND valid_until IS NULL";

const ALL: &str = "SELECT digest, sealed FROM api_keys ORDER BY digest";

const DROP_EXPIRED: &str = "DELETE FROM api_keys WHERE valid_until <= $1";

const RETIRE: &str =
    "UPDATE api_keys SET valid_until = $2 WHERE connection = $1 AND valid_until IS NULL AND digest <> $3";

/// Writes nothing if the key is still valid for another connection.
const PUT: &str = "INSERT INTO api_keys (digest, connection, sealed) VALUES ($1, $2, $3)
    ON CONFLICT (digest) DO UPDATE SET sealed = excluded.sealed, valid_until = NULL
    WHERE api_keys.connection = excluded.connection";

const RESEAL: &str = "UPDATE api_keys SET sealed = new.sealed
    FROM UNNEST($1::bytea[], $2::bytea[]) AS new (digest, sealed) WHERE api_keys.digest = new.digest";

const BEGIN_MASTER_KEY: &str = "INSERT INTO master_key (only_row, check_value, key_number) VALUES (1, $1, $2)
    ON CONFLICT (only_row) DO NOTHING";

const CHECK_VALUE: &str = "SELECT check_value FROM master_key";

const NUMBER: &str = "SELECT key_number FROM master_key";

const SET_NUMBER: &str = "UPDATE master_key SET key_number = $2 WHERE key_number = $1";

type Stored = (Vec<u8>, Vec<u8>);

/// The connection that a key belongs to.
pub(super) async fn owner(
    db: &mut PgConnection,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<ConnectionId>, Failure> {
    let owner: Option<(ConnectionId,)> =
        rows(OWNER).bind(&digest[..]).bind(micros(now)).fetch_optional(db).await?;
    Ok(owner.map(|(connection,)| connection))
}

/// The newest key of a connection.
pub(super) async fn newest(db: &mut PgConnection, id: ConnectionId) -> Result<SealedKey, Failure> {
    let newest: Option<Stored> = rows(NEWEST).bind(id).fetch_optional(db).await?;
    sealed_key(newest.ok_or(Failure::NoConnection)?)
}

/// Every key.
pub(super) async fn all(db: &mut PgConnection) -> Result<Vec<SealedKey>, Failure> {
    let all: Vec<Stored> = rows(ALL).fetch_all(db).await?;
    all.into_iter().map(sealed_key).collect()
}

fn sealed_key((digest, sealed): Stored) -> Result<SealedKey, Failure> {
    Ok(SealedKey { digest: key_digest(&digest)?, sealed })
}

/// Gives a connection another key; the previous one is valid until `until`. Expired keys are deleted.
pub(super) async fn replace(
    db: &mut PgConnection,
    id: ConnectionId,
    key: &SealedKey,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), Failure> {
    sql(DROP_EXPIRED).bind(micros(now)).execute(&mut *db).await?;
    sql(RETIRE).bind(id).bind(micros(until)).bind(&key.digest[..]).execute(&mut *db).await?;
    let put = sql(PUT).bind(&key.digest[..]).bind(id).bind(&key.sealed);
    if put.execute(db).await?.rows_affected() == 0 {
        return Err(Failure::InTheWay(Conflict::KeyTaken));
    }
    Ok(())
}

/// Replaces sealed texts with newly sealed ones.
pub(super) async fn reseal(db: &mut PgConnection, keys: &[SealedKey]) -> Result<(), Failure> {
    let digests: Vec<&[u8]> = keys.iter().map(|key| &key.digest[..]).collect();
    let sealed: Vec<&[u8]> = keys.iter().map(|key| &key.sealed[..]).collect();
    sql(RESEAL).bind(digests).bind(sealed).execute(db).await?;
    Ok(())
}

/// The check value of this ledger's master key; stores `mine` if there was none.
pub(super) async fn check_value(db: &mut PgConnection, mine: &Digest) -> Result<Digest, Failure> {
    let begin = sql(BEGIN_MASTER_KEY).bind(&mine[..]).bind(i64::from(FIRST_KEY_NUMBER));
    begin.execute(&mut *db).await?;
    let (value,): (Vec<u8>,) = rows(CHECK_VALUE).fetch_one(db).await?;
    Ok(key_digest(&value)?)
}

/// The number of the encryption key.
pub(super) async fn number(db: &mut PgConnection) -> Result<u32, Failure> {
    let number: Option<(i64,)> = rows(NUMBER).fetch_optional(db).await?;
    Ok(number.map_or(Ok(FIRST_KEY_NUMBER), |(number,)| small(number))?)
}

/// Changes to another encryption key.
pub(super) async fn set_number(db: &mut PgConnection, from: u32, to: u32) -> Result<(), Failure> {
    let set = sql(SET_NUMBER).bind(i64::from(from)).bind(i64::from(to));
    if set.execute(db).await?.rows_affected() == 0 {
        return Err(Failure::InTheWay(Conflict::KeyNumberChanged));
    }
    Ok(())
}
