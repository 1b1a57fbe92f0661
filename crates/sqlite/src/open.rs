//! Opens files with the settings that durability and privacy depend on.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::Error;

/// The time that a statement waits for another process that writes, before it fails as busy.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of prepared statements that a connection keeps; more than all engines have together.
const CACHED_STATEMENTS: usize = 256;

/// The size to which the write-ahead log is truncated when it restarts, so that a burst does not occupy the disk for good.
const LOG_BYTES_KEPT: i64 = 4 * 1024 * 1024;

/// Opens the file at `path`, and creates it if it does not exist.
pub(crate) fn file(path: &Path) -> Result<Connection, Error> {
    protect(path).map_err(|cause| Error::File { path: path.to_owned(), cause })?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // WAL lets other processes read while this one writes. It is a property of the file.
    // https://sqlite.org/wal.html
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode anything less than FULL may lose the last commits at a power cut.
    // https://sqlite.org/pragma.html#pragma_synchronous
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    settle(&connection)?;
    Ok(connection)
}

/// Opens the file at `path` for reading; it is not created if it does not exist.
pub(crate) fn for_reading(path: &Path) -> Result<Connection, Error> {
    // If the log was not moved into the file, SQLite has to write beside the file in order to read it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Opens a database that lives in memory.
pub(crate) fn memory() -> Result<Connection, Error> {
    let connection = Connection::open_in_memory()?;
    settle(&connection)?;
    Ok(connection)
}

fn settle(connection: &Connection) -> Result<(), Error> {
    // Deleted personal data is overwritten with zeros, not merely unlinked.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Sorting in memory keeps personal data out of temporary files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(())
}

/// Creates the folder of a file that is about to be opened.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    folder_of(path).map_err(|cause| Error::File { path: path.to_owned(), cause })
}

fn folder_of(path: &Path) -> std::io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => fs::create_dir_all(folder),
        None => Ok(()),
    }
}

/// Makes the file readable by its owner only, before SQLite writes a byte. SQLite gives the log and the shared-memory
/// file beside it the same mode.
fn protect(path: &Path) -> std::io::Result<()> {
    folder_of(path)?;
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    Ok(())
}
