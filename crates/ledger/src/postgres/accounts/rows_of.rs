//! The rows of connections: adds, reads, pauses and resumes them, and changes their settings.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::{
    Account, ConnectionId, ConnectionName, Epoch, Failure, NewConnection, PausedFor, State, Timestamp, found,
    keys, micros, rows, sql, time,
};
use crate::words;
use connections::Conflict;

const INSERT: &str = "INSERT INTO connections (name, settings, created_at, write_key) VALUES ($1, $2, $3, $4)
    ON CONFLICT ON CONSTRAINT connections_name DO NOTHING RETURNING id";

const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM connections)";

/// The columns in the order in which [`account`] reads them; `$1` and `$2` are the requested name and id.
const READ: &str = "SELECT id, name, settings, settings_version, paused_for, paused_since, paused_because,
        learned_rate, created_at, write_key, resumes, asked_to_wait_until
    FROM connections WHERE ($1::text IS NULL OR name = $1) AND ($2::bigint IS NULL OR id = $2)
    ORDER BY name COLLATE \"C\"";

/// `NO KEY` is enough for the update that follows. A stronger lock would wait until absorb records nothing for the connection, and absorb
/// would wait for it. <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS>
const SETTINGS_VERSION: &str = "SELECT settings_version FROM connections WHERE id = $1 FOR NO KEY UPDATE";

const SET_SETTINGS: &str = "UPDATE connections SET settings = $2, settings_version = $3 WHERE id = $1";

/// See [`SETTINGS_VERSION`].
const PAUSED_FOR: &str = "SELECT paused_for FROM connections WHERE id = $1 FOR NO KEY UPDATE";

const PAUSE: &str =
    "UPDATE connections SET paused_for = $2, paused_since = $3, paused_because = $4 WHERE id = $1";

const RENEW_CAUSE: &str = "UPDATE connections SET paused_because = $2 WHERE id = $1";

const RESUME: &str = "UPDATE connections SET paused_for = NULL, paused_since = NULL, paused_because = NULL,
        resumes = resumes + 1
    WHERE id = $1";

const IN_FORCE: &str = "SELECT settings_version = $2 AND resumes = $3 FROM connections WHERE id = $1";
const WAIT_NO_MORE: &str = "UPDATE connections SET asked_to_wait_until = NULL WHERE id = $1";

const SET_WAIT: &str = "UPDATE connections SET asked_to_wait_until = $2 WHERE id = $1";

const SET_RATE: &str = "UPDATE connections SET learned_rate = $2 WHERE id = $1";

pub(super) async fn add(db: &mut PgConnection, new: &NewConnection) -> Result<Account, Failure> {
    let settings = serde_json::to_string(&new.settings)?;
    let insert = rows(INSERT).bind(new.name.as_str()).bind(settings).bind(micros(new.created_at));
    let id: Option<(ConnectionId,)> = insert.bind(&new.write_key).fetch_optional(&mut *db).await?;
    let (id,) = id.ok_or(Failure::InTheWay(Conflict::NameTaken))?;
    keys::replace(db, id, &new.key, new.created_at, new.created_at).await?;
    read(db, None, Some(id)).await?.pop().ok_or(Failure::NoConnection)
}

pub(super) async fn is_empty(db: &mut PgConnection) -> Result<bool, Failure> {
    let (is_empty,): (bool,) = rows(IS_EMPTY).fetch_one(db).await?;
    Ok(is_empty)
}

pub(super) async fn read(
    db: &mut PgConnection,
    name: Option<&ConnectionName>,
    id: Option<ConnectionId>,
) -> Result<Vec<Account>, Failure> {
    let query = sql(READ).bind(name.map(ConnectionName::as_str)).bind(id);
    query.fetch_all(db).await?.iter().map(account).collect()
}

fn account(row: &PgRow) -> Result<Account, Failure> {
    let name: &str = row.try_get(1)?;
    Ok(Account {
        id: row.try_get(0)?,
        name: name.parse().map_err(|error: connections::connection::ConnectionNameError| {
            Failure::Unreadable(error.into())
        })?,
        settings: serde_json::from_str(row.try_get(2)?)?,
        settings_version: row.try_get(3)?,
        state: match row.try_get::<Option<&str>, _>(4)? {
            None => State::Active,
            Some(word) => State::Paused(words::paused_for(word)?),
        },
        paused_since: row.try_get::<Option<i64>, _>(5)?.map(time).transpose()?,
        paused_because: row.try_get(6)?,
        learned_rate: row.try_get(7)?,
        created_at: time(row.try_get(8)?)?,
        write_key: row.try_get(9)?,
        resumes: row.try_get(10)?,
        asked_to_wait_until: row.try_get::<Option<i64>, _>(11)?.map(time).transpose()?,
    })
}

pub(super) async fn set_settings(
    db: &mut PgConnection,
    id: ConnectionId,
    seen: i64,
    settings: &str,
) -> Result<i64, Failure> {
    let version: Option<(i64,)> = rows(SETTINGS_VERSION).bind(id).fetch_optional(&mut *db).await?;
    if version.ok_or(Failure::NoConnection)?.0 != seen {
        return Err(Failure::InTheWay(Conflict::SettingsChanged));
    }
    sql(SET_SETTINGS).bind(id).bind(settings).bind(seen + 1).execute(db).await?;
    Ok(seen + 1)
}

/// The reason that a connection is paused, if it is. Locks its row.
pub(super) async fn paused_for(
    db: &mut PgConnection,
    id: ConnectionId,
) -> Result<Option<PausedFor>, Failure> {
    let word: Option<(Option<String>,)> = rows(PAUSED_FOR).bind(id).fetch_optional(db).await?;
    word.ok_or(Failure::NoConnection)?.0.map(|word| Ok(words::paused_for(&word)?)).transpose()
}

pub(super) async fn pause(
    db: &mut PgConnection,
    id: ConnectionId,
    reason: PausedFor,
    because: &str,
    now: Timestamp,
) -> Result<State, Failure> {
    let because = super::super::text::text(because);
    match paused_for(db, id).await? {
        Some(stronger) if stronger > reason => return Ok(State::Paused(stronger)),
        Some(same) if same == reason => sql(RENEW_CAUSE).bind(id).bind(because).execute(db).await?,
        _ => sql(PAUSE).bind(id).bind(reason.as_str()).bind(micros(now)).bind(because).execute(db).await?,
    };
    Ok(State::Paused(reason))
}

pub(super) async fn pause_in(
    db: &mut PgConnection,
    id: ConnectionId,
    seen: Epoch,
    (reason, because): (PausedFor, &str),
    now: Timestamp,
) -> Result<State, Failure> {
    // The row is locked from here on, so that the epoch does not change.
    let paused = paused_for(&mut *db, id).await?;
    let ask = rows::<(bool,)>(IN_FORCE).bind(id).bind(seen.settings_version).bind(seen.resumes);
    match ask.fetch_one(&mut *db).await? {
        (true,) => pause(db, id, reason, because, now).await,
        (false,) => Ok(paused.map_or(State::Active, State::Paused)),
    }
}

pub(super) async fn resume(
    db: &mut PgConnection,
    id: ConnectionId,
    only: Option<PausedFor>,
) -> Result<bool, Failure> {
    let paused = paused_for(db, id).await?;
    if paused.is_some() && only.is_some() && paused != only {
        return Ok(false);
    }
    sql(RESUME).bind(id).execute(&mut *db).await?;
    if only.is_none() {
        sql(WAIT_NO_MORE).bind(id).execute(db).await?;
    }
    Ok(true)
}

pub(super) async fn set_rate(db: &mut PgConnection, id: ConnectionId, rate: f64) -> Result<(), Failure> {
    found(sql(SET_RATE).bind(id).bind(rate).execute(db).await?.rows_affected())
}

pub(super) async fn set_wait(
    db: &mut PgConnection,
    id: ConnectionId,
    until: Timestamp,
) -> Result<(), Failure> {
    found(sql(SET_WAIT).bind(id).bind(micros(until)).execute(db).await?.rows_affected())
}
