//! Counts of unmapped traits: the number of events that stated each name.

use connections::ConnectionId;
use sqlite::rusqlite::Connection;

use super::failure::Failure;
use super::words::limit;
use crate::Unmapped;
use crate::unmapped::{MAX_UNMAPPED_TRAITS, MORE, is_reserved};

const ADD: &str = "UPDATE unmapped SET events = events + ?3 WHERE connection = ?1 AND key = ?2";

/// A name may occur twice among those that are counted together.
const INSERT: &str = "INSERT INTO unmapped (connection, key, spelling, events) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (connection, key) DO UPDATE SET events = events + excluded.events";

/// The number of existing names, but at most this limit.
const THERE: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM unmapped WHERE connection = ?1 LIMIT ?2)";

/// Adds to the counts. New names are counted up to the limit; beyond it the events are counted under [`MORE`].
pub(super) fn count(
    database: &Connection,
    connection: ConnectionId,
    unmapped: &[Unmapped],
) -> Result<(), Failure> {
    let mut new = Vec::new();
    for name in unmapped {
        if !add(database, connection, &name.key, events(name))? {
            new.push(name);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let most = usize::try_from(MAX_UNMAPPED_TRAITS).unwrap_or(usize::MAX);
    let there: i64 =
        database.prepare_cached(THERE)?.query_row((connection, limit(most)), |row| row.get(0))?;
    let mut room = most.saturating_sub(usize::try_from(there).unwrap_or(most));
    let mut beyond = 0;
    for name in new {
        let is_word = is_reserved(&name.key);
        if room == 0 && !is_word {
            beyond = beyond.max(events(name));
            continue;
        }
        room = room.saturating_sub(1);
        let values = (connection, &name.key, &name.spelling, events(name));
        database.prepare_cached(INSERT)?.execute(values)?;
    }
    if beyond > 0 && !add(database, connection, MORE, beyond)? {
        database.prepare_cached(INSERT)?.execute((connection, MORE, MORE, beyond))?;
    }
    Ok(())
}

fn add(database: &Connection, connection: ConnectionId, key: &str, events: i64) -> Result<bool, Failure> {
    Ok(database.prepare_cached(ADD)?.execute((connection, key, events))? > 0)
}

fn events(name: &Unmapped) -> i64 {
    i64::try_from(name.events).unwrap_or(i64::MAX)
}
