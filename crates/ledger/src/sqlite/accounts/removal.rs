//! Removing a connection with all that is kept for it.

use connections::ConnectionId;
use sqlite::rusqlite::Connection;

use super::{Failure, found};

const CONNECTION: &str = "DELETE FROM connections WHERE id = ?1";

const REMEMBER: &str = "INSERT INTO removed_connections (id) VALUES (?1)";

const IS_REMOVED: &str = "SELECT EXISTS (SELECT 1 FROM removed_connections WHERE id = ?1)";

/// Deleting events takes payloads, outcomes, attempts and dead letters along; what makes them findable goes when it
/// expires, and holds digests only.
const REST: [&str; 25] = [
    "DELETE FROM plan_holds WHERE letter IN (SELECT letter FROM plan_items WHERE connection = ?1)",
    "UPDATE plan_counts SET count = count - (SELECT COUNT(*) FROM plan_items i WHERE i.plan = plan_counts.plan
        AND i.state = plan_counts.state AND i.reason = plan_counts.reason AND i.connection = ?1)",
    "DELETE FROM plan_items WHERE connection = ?1",
    "DELETE FROM events WHERE connection = ?1",
    "DELETE FROM letter_people WHERE connection = ?1",
    "DELETE FROM letter_counts WHERE connection = ?1",
    "DELETE FROM letter_notes WHERE connection = ?1",
    "DELETE FROM notifications WHERE connection = ?1",
    "DELETE FROM graphs WHERE connection = ?1",
    "DELETE FROM graph_digests WHERE connection = ?1",
    "DELETE FROM leases WHERE connection = ?1",
    "DELETE FROM calls WHERE connection = ?1",
    "DELETE FROM interrupted_calls WHERE connection = ?1",
    "DELETE FROM walks WHERE connection = ?1",
    "DELETE FROM claims WHERE connection = ?1",
    "DELETE FROM affiliate_codes WHERE connection = ?1",
    "DELETE FROM unmapped WHERE connection = ?1",
    "DELETE FROM audiences WHERE connection = ?1",
    "DELETE FROM audience_counts WHERE connection = ?1",
    "DELETE FROM audience_walks WHERE connection = ?1",
    "DELETE FROM tallies WHERE connection = ?1",
    "DELETE FROM directory WHERE connection = ?1",
    "DELETE FROM directories WHERE connection = ?1",
    "DELETE FROM drift WHERE connection = ?1",
    "DELETE FROM custom_fields WHERE connection = ?1",
];

/// Removes everything of a connection but its audit, which holds ids only.
pub(super) fn remove(database: &Connection, id: ConnectionId) -> Result<(), Failure> {
    found(database.prepare_cached(CONNECTION)?.execute([id])?)?;
    database.prepare_cached(REMEMBER)?.execute([id])?;
    for statement in REST {
        database.prepare_cached(statement)?.execute([id])?;
    }
    Ok(())
}

/// Fails where the connection was removed since what is to be recorded was read: nobody would ever end or find it.
pub(in crate::sqlite) fn check(database: &Connection, id: ConnectionId) -> Result<(), Failure> {
    let removed: bool = database.prepare_cached(IS_REMOVED)?.query_row([id], |row| row.get(0))?;
    if removed { Err(Failure::Moved) } else { Ok(()) }
}
