//! Resets a damaged file to an empty database, in place.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::{Error, open};

/// Empties the file, whatever it contains. It stays the same file, so that other processes that have it open continue with it: data that
/// they write into a renamed file would be lost. <https://sqlite.org/c3ref/c_dbconfig_defensive.html#sqlitedbconfigresetdatabase>
///
/// # Errors
/// When another process is using the file, or it cannot be written.
pub fn reset(path: &Path) -> Result<(), Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(open::BUSY_TIMEOUT)?;
    // Reading the schema first keeps the file in WAL mode. This fails if the schema is damaged.
    drop(connection.prepare("SELECT 1 FROM sqlite_schema"));
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let emptied = connection.execute_batch("VACUUM");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    Ok(emptied?)
}
