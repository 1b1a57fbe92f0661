//! Orphaned dead letters: a delete finds them by the identifiers that they name.

use connections::ConnectionId;
use identity::Digest;
use identity::stamp::Moment;
use sqlite::rusqlite::Connection;

use super::events;
use super::failure::Failure;
use super::rows::all;
use super::words::limit;
use crate::OrphanedDeadLetter;

const INSERT: &str = "INSERT INTO stray_letters (connection, digest, event, said_at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO NOTHING";

const ANY: &str = "SELECT EXISTS (SELECT 1 FROM stray_letters WHERE connection = ?1)";

const COVERED: &str = "DELETE FROM stray_letters WHERE connection = ?1 AND digest = ?2 AND said_at <= ?3
    RETURNING event";

/// The newest events whose dead letters, or repairs of them, name an identifier in any connection.
const NAMING: &str = "SELECT s.event FROM connections c CROSS JOIN stray_letters s
    WHERE s.connection = c.id AND s.digest = ?1 ORDER BY s.event DESC LIMIT ?2";

/// The events whose dead letters name any of some identifiers, at most `most` for each.
pub(super) fn naming(database: &Connection, digests: &[Digest], most: usize) -> Result<Vec<i64>, Failure> {
    let mut found = Vec::new();
    for digest in digests {
        let named: Vec<i64> = all(database, NAMING, (&digest.0[..], limit(most)), |row| Ok(row.get(0)?))?;
        found.extend(named);
    }
    Ok(found)
}

/// Stores the identifiers that the events of dead letters name.
pub(super) fn remember(
    database: &Connection,
    connection: ConnectionId,
    orphans: &[OrphanedDeadLetter],
) -> Result<(), Failure> {
    for orphan in orphans {
        let Some(known) = events::known(database, connection, orphan.event)? else { continue };
        name(database, connection, known.row, (&orphan.named, orphan.stated_at))?;
    }
    Ok(())
}

/// Stores the identifiers that the event of a dead letter names.
pub(super) fn name(
    database: &Connection,
    connection: ConnectionId,
    event_row: i64,
    (named, stated_at): (&[Digest], Moment),
) -> Result<(), Failure> {
    for digest in named {
        let values = (connection, &digest.0[..], event_row, stated_at.0);
        database.prepare_cached(INSERT)?.execute(values)?;
    }
    Ok(())
}

/// Erases the dead letters that tombstones cover.
pub(super) fn erase(
    database: &Connection,
    connection: ConnectionId,
    tombstones: &[(Digest, Moment)],
) -> Result<(), Failure> {
    if tombstones.is_empty() || !database.prepare_cached(ANY)?.query_row([connection], |row| row.get(0))? {
        return Ok(());
    }
    for (digest, at) in tombstones {
        let mut covered = database.prepare_cached(COVERED)?;
        let rows = covered.query_map((connection, &digest.0[..], at.0), |row| row.get(0))?;
        for event in rows.collect::<Result<Vec<i64>, _>>()? {
            events::erase_row(database, event)?;
        }
    }
    Ok(())
}
