//! What can go wrong below the engines, by what the caller can do about it.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder cannot be made, read or protected: the operator has to look at the path.
    #[error("cannot use the database file {}; check the path and its permissions", path.display())]
    File {
        /// The file that was asked for.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: std::io::Error,
    },
    /// SQLite refused a statement: the disk is full, the file is broken or locked for too long.
    #[error("sqlite failed")]
    Sqlite(#[from] rusqlite::Error),
    /// Pages of the file are damaged. Nothing is read or written any more, because either may make it worse.
    #[error("the file {} is damaged ({why}); docs/sqlite.md tells how it is repaired", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said; no data.
        why: String,
    },
    /// Another process works on the file alone, to repair it.
    #[error("the file {} is being repaired; it can be used again when that has ended", path.display())]
    BeingRepaired {
        /// The file.
        path: PathBuf,
    },
    /// The file, or its log, was deleted or replaced while it was open. What is written into it would be lost.
    #[error(
        "the file {} was deleted or replaced while it is in use; end every process, put the right files back and start again",
        path.display()
    )]
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version, which says that this one must not use it any more.
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
    /// A migration failed; nothing of it was kept.
    #[error("migration {name} failed and was rolled back")]
    Migration {
        /// The name of the migration.
        name: &'static str,
        /// What SQLite said.
        #[source]
        cause: rusqlite::Error,
    },
    /// The thread that owns the file could not be started, or is gone.
    #[error("the thread of the database is not running")]
    NoThread,
}

/// An error of a piece of work, which shows the failure of SQLite in it, if there is one.
pub trait WorkError: From<Error> {
    /// What SQLite said.
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
    /// Whether the file is damaged, as SQLite said just now or before.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. }) || self.sqlite().is_some_and(reports_damage)
    }
}

/// Whether SQLite says that pages of the file make no sense, or that it is no database.
pub(crate) fn reports_damage(failure: &rusqlite::Error) -> bool {
    matches!(failure.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
