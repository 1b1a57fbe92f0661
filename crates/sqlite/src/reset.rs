//! Makes a damaged file an empty database, in place.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::{Error, open};

/// Empties the file, whatever is in it. It stays the same file, so that other processes which have it open go on with it:
/// they would lose what they write into one that was renamed.
/// <https://sqlite.org/c3ref/c_dbconfig_defensive.html#sqlitedbconfigresetdatabase>
///
/// # Errors
/// When another process is using the file, or it cannot be written.
pub fn reset(path: &Path) -> Result<(), Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(open::BUSY_TIMEOUT)?;
    // Looking at the schema first lets the file stay in WAL mode. It fails where the schema is damaged.
    drop(connection.prepare("SELECT 1 FROM sqlite_schema"));
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let emptied = connection.execute_batch("VACUUM");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    Ok(emptied?)
}
