//! Brings a database to the schema that this program knows.
//!
//! Migrations expand first and contract a version later, so that two versions of the program can use one file side by
//! side. Each migration states the oldest schema version that a program must know to use the database after it. Older
//! programs refuse the database; all others work.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{Error, open};

/// One step of a schema. Its version is its place in the list, counted from 1, and never changes.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The name of its file without the extension, as `0001_create_messages`.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
    /// The oldest schema version that a program must know to use the database after this step.
    pub min_reader: u32,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    min_reader INTEGER NOT NULL
) STRICT";

/// Applies the missing migrations in one transaction, and returns their number. One process does this at a time; the
/// others wait, and find nothing left to do.
///
/// # Errors
/// [`Error::TooNew`] when a newer program changed the database beyond what this one understands;
/// [`Error::Foreign`] when its history is another one; [`Error::Migration`] when a step fails.
pub fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<u32, Error> {
    // Check first: a process without work to do does not wait for another process that writes.
    if is_there(connection)? {
        let applied = applied(connection)?;
        if applied.len() >= migrations.len() {
            return check_history(&applied, migrations).map(|()| 0);
        }
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(CREATE)?;
    let applied = applied(&transaction)?;
    check_history(&applied, migrations)?;
    let mut count = 0;
    for (version, migration) in (1u32..).zip(migrations).skip(applied.len()) {
        apply(&transaction, version, migration)
            .map_err(|cause| Error::Migration { name: migration.name, cause })?;
        tracing::info!(migration = migration.name, "applied a migration");
        count += 1;
    }
    transaction.commit()?;
    Ok(count)
}

/// Whether a file has a schema of this program, of any version. Nothing is created or changed; an empty file has none.
///
/// # Errors
/// When the file does not exist, cannot be read, or is not a database.
pub fn has_schema(path: &Path) -> Result<bool, Error> {
    Ok(is_there(&open::for_reading(path)?)?)
}

const THERE: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations')";

struct Applied {
    version: u32,
    name: String,
    min_reader: u32,
}

fn is_there(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row(THERE, [], |row| row.get(0))
}

fn applied(connection: &Connection) -> Result<Vec<Applied>, rusqlite::Error> {
    connection
        .prepare("SELECT version, name, min_reader FROM schema_migrations ORDER BY version")?
        .query_map([], |row| {
            Ok(Applied { version: row.get(0)?, name: row.get(1)?, min_reader: row.get(2)? })
        })?
        .collect()
}

fn check_history(applied: &[Applied], migrations: &[Migration]) -> Result<(), Error> {
    for (found, expected) in applied.iter().zip(migrations) {
        if found.name != expected.name {
            return Err(Error::Foreign {
                version: found.version,
                found: found.name.clone(),
                expected: expected.name.to_owned(),
            });
        }
    }
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    match applied.last() {
        Some(last) if applied.iter().any(|step| step.min_reader > known) => {
            Err(Error::TooNew { found: last.version, known })
        }
        _ => Ok(()),
    }
}

fn apply(transaction: &Transaction<'_>, version: u32, migration: &Migration) -> Result<(), rusqlite::Error> {
    transaction.execute_batch(migration.sql)?;
    transaction.execute(
        "INSERT INTO schema_migrations (version, name, min_reader) VALUES (?1, ?2, ?3)",
        (version, migration.name, migration.min_reader),
    )?;
    Ok(())
}
