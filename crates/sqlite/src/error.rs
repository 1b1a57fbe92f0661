//! Errors of the database layer, grouped by what the caller can do about them.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// The reason that an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder cannot be created, read or protected: the operator has to check the path.
    #[error("cannot use the database file {}; check the path and its permissions", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        cause: std::io::Error,
    },
    /// SQLite refused a statement: the disk is full, or the file is broken or was locked for too long.
    #[error("sqlite failed")]
    Sqlite(#[from] rusqlite::Error),
    /// Pages of the file are damaged. Nothing is read or written any more, because that may increase the damage.
    #[error("the file {} is damaged ({why}); docs/sqlite.md describes how to repair it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's message, without data.
        why: String,
    },
    /// Another process is repairing the file, and uses it alone.
    #[error("the file {} is being repaired; it can be used again when that has ended", path.display())]
    BeingRepaired {
        /// The file.
        path: PathBuf,
    },
    /// The file, or its log, was deleted or replaced while it was open. New data would be lost.
    #[error(
        "the file {} was deleted or replaced while it is in use; move the same file back, or end every process, restore a backup and start \
         again",
        path.display()
    )]
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// A newer version wrote the file, and marked it as unusable for this version.
    #[error("the database is at schema {found}, this program knows {known}; install a newer version of it")]
    TooNew {
        /// The schema version of the file.
        found: u32,
        /// The newest schema version that this program knows.
        known: u32,
    },
    /// The file has another history of migrations: it is not a database of this kind.
    #[error("migration {version} of the database is {found:?} and not {expected:?}; is it the right file?")]
    Foreign {
        /// The number of the migration.
        version: u32,
        /// Its name in the file.
        found: String,
        /// Its name in this program.
        expected: String,
    },
    /// A migration failed; none of its changes were kept.
    #[error("migration {name} failed and was rolled back")]
    Migration {
        /// The name of the migration.
        name: &'static str,
        /// The error of SQLite.
        #[source]
        cause: rusqlite::Error,
    },
    /// The thread that owns the file could not be started, or is gone.
    #[error("the thread of the database is not running")]
    NoThread,
}

/// An error of a piece of work, which gives access to the SQLite error in it, if there is one.
pub trait WorkError: From<Error> {
    /// The error of SQLite.
    fn sqlite(&self) -> Option<&rusqlite::Error>;
}

impl WorkError for Error {
    fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Sqlite(failure) | Self::Migration { cause: failure, .. } => Some(failure),
            _ => None,
        }
    }
}

impl Error {
    /// Whether the file is damaged, as SQLite reported now or before.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. }) || self.sqlite().is_some_and(reports_damage)
    }
}

/// Whether SQLite reports that pages of the file are invalid, or that it is not a database.
pub(crate) fn reports_damage(failure: &rusqlite::Error) -> bool {
    matches!(failure.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
