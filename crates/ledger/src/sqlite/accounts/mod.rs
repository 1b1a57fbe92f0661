//! The store of connections, in the same file.

use connections::{
    Conflict, Connection as Account, ConnectionId, ConnectionName, Epoch, NewConnection, PausedFor, State,
};
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, Row};

use super::failure::Failure;
use super::rows::all;
use super::words::{micros, time};
use crate::words;

mod keys;
mod port;
pub(super) mod removal;
mod replaced;
mod shared_secrets;
mod write_keys;

const NAME_TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM connections WHERE name = ?1)";

const INSERT: &str =
    "INSERT INTO connections (name, settings, created_at, write_key) VALUES (?1, ?2, ?3, ?4)";

const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM connections)";

/// The columns in the order in which [`account`] reads them; `?1` and `?2` are the requested name and id.
const READ: &str = "SELECT id, name, settings, settings_version, paused_for, paused_since, paused_because,
        learned_rate, created_at, write_key, resumes, asked_to_wait_until
    FROM connections WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY name";

const SETTINGS_VERSION: &str = "SELECT settings_version FROM connections WHERE id = ?1";

const SET_SETTINGS: &str = "UPDATE connections SET settings = ?2, settings_version = ?3 WHERE id = ?1";

const PAUSED_FOR: &str = "SELECT paused_for FROM connections WHERE id = ?1";

const PAUSE: &str =
    "UPDATE connections SET paused_for = ?2, paused_since = ?3, paused_because = ?4 WHERE id = ?1";

const RENEW_CAUSE: &str = "UPDATE connections SET paused_because = ?2 WHERE id = ?1";

const RESUME: &str = "UPDATE connections SET paused_for = NULL, paused_since = NULL, paused_because = NULL,
        resumes = resumes + 1
    WHERE id = ?1";

const IN_FORCE: &str = "SELECT EXISTS (SELECT 1 FROM connections
    WHERE id = ?1 AND settings_version = ?2 AND resumes = ?3)";
const WAIT_NO_MORE: &str = "UPDATE connections SET asked_to_wait_until = NULL WHERE id = ?1";

const SET_WAIT: &str = "UPDATE connections SET asked_to_wait_until = ?2 WHERE id = ?1";

const SET_RATE: &str = "UPDATE connections SET learned_rate = ?2 WHERE id = ?1";

fn add(database: &Connection, new: &NewConnection) -> Result<Account, Failure> {
    let name = new.name.as_str();
    if database.prepare_cached(NAME_TAKEN)?.query_row([name], |row| row.get(0))? {
        return Err(Failure::InTheWay(Conflict::NameTaken));
    }
    let settings = serde_json::to_string(&new.settings)?;
    let values = (name, settings, micros(new.created_at), &new.write_key);
    let id = database.prepare_cached(INSERT)?.insert(values)?;
    keys::first(database, id, &new.key, new.created_at)?;
    read(database, None, Some(id))?.pop().ok_or(Failure::NoConnection)
}

fn read(
    database: &Connection,
    name: Option<&ConnectionName>,
    id: Option<ConnectionId>,
) -> Result<Vec<Account>, Failure> {
    all(database, READ, (name.map(ConnectionName::as_str), id), account)
}

fn account(row: &Row<'_>) -> Result<Account, Failure> {
    let name: String = row.get(1)?;
    let settings: String = row.get(2)?;
    Ok(Account {
        id: row.get(0)?,
        name: name.parse().map_err(|error: connections::connection::ConnectionNameError| {
            Failure::Unreadable(error.into())
        })?,
        settings: serde_json::from_str(&settings)?,
        settings_version: row.get(3)?,
        state: match row.get::<_, Option<String>>(4)? {
            None => State::Active,
            Some(word) => State::Paused(words::paused_for(&word)?),
        },
        paused_since: row.get::<_, Option<i64>>(5)?.map(time).transpose()?,
        paused_because: row.get(6)?,
        learned_rate: row.get(7)?,
        created_at: time(row.get(8)?)?,
        write_key: row.get(9)?,
        resumes: row.get(10)?,
        asked_to_wait_until: row.get::<_, Option<i64>>(11)?.map(time).transpose()?,
    })
}

fn found(rows: usize) -> Result<(), Failure> {
    if rows == 0 { Err(Failure::NoConnection) } else { Ok(()) }
}

fn set_settings(database: &Connection, id: ConnectionId, seen: i64, settings: &str) -> Result<i64, Failure> {
    let version: Option<i64> =
        database.prepare_cached(SETTINGS_VERSION)?.query_row([id], |row| row.get(0)).optional()?;
    if version.ok_or(Failure::NoConnection)? != seen {
        return Err(Failure::InTheWay(Conflict::SettingsChanged));
    }
    database.prepare_cached(SET_SETTINGS)?.execute((id, settings, seen + 1))?;
    Ok(seen + 1)
}

fn paused_for(database: &Connection, id: ConnectionId) -> Result<Option<PausedFor>, Failure> {
    let word: Option<Option<String>> =
        database.prepare_cached(PAUSED_FOR)?.query_row([id], |row| row.get(0)).optional()?;
    word.ok_or(Failure::NoConnection)?.map(|word| Ok(words::paused_for(&word)?)).transpose()
}

fn is_in_force(database: &Connection, id: ConnectionId, seen: Epoch) -> Result<bool, Failure> {
    let values = (id, seen.settings_version, seen.resumes);
    Ok(database.prepare_cached(IN_FORCE)?.query_row(values, |row| row.get(0))?)
}

fn pause(
    database: &Connection,
    id: ConnectionId,
    reason: PausedFor,
    because: &str,
    now: Timestamp,
) -> Result<State, Failure> {
    match paused_for(database, id)? {
        Some(stronger) if stronger > reason => return Ok(State::Paused(stronger)),
        Some(same) if same == reason => database.prepare_cached(RENEW_CAUSE)?.execute((id, because))?,
        _ => database.prepare_cached(PAUSE)?.execute((id, reason.as_str(), micros(now), because))?,
    };
    Ok(State::Paused(reason))
}

fn resume(database: &Connection, id: ConnectionId, only: Option<PausedFor>) -> Result<bool, Failure> {
    let paused = paused_for(database, id)?;
    if paused.is_some() && only.is_some() && paused != only {
        return Ok(false);
    }
    found(database.prepare_cached(RESUME)?.execute([id])?)?;
    if only.is_none() {
        database.prepare_cached(WAIT_NO_MORE)?.execute([id])?;
    }
    Ok(true)
}
