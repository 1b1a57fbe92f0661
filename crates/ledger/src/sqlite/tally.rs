//! Stored counts, so that `status` need not scan.

use std::borrow::Cow;
use std::collections::BTreeMap;

use connections::ConnectionId;
use sqlite::rusqlite::Connection;

use super::failure::Failure;

const ADD: &str = "INSERT INTO tallies (connection, what, count) VALUES (?1, ?2, ?3)
    ON CONFLICT (connection, what) DO UPDATE SET count = count + excluded.count";

/// The changes of the counts by one transaction; written once, at its end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    changes: BTreeMap<(ConnectionId, Cow<'static, str>), i64>,
}

impl Tally {
    /// Adds to a count, or subtracts from it.
    pub(super) fn add(&mut self, connection: ConnectionId, what: impl Into<Cow<'static, str>>, change: i64) {
        *self.changes.entry((connection, what.into())).or_default() += change;
    }

    /// Writes all changes.
    pub(super) fn write(self, database: &Connection) -> Result<(), Failure> {
        let mut add = database.prepare_cached(ADD)?;
        for ((connection, what), change) in self.changes {
            if change != 0 {
                add.execute((connection, what, change))?;
            }
        }
        Ok(())
    }
}
