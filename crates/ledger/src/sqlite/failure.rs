//! Failures of SQLite.

use sqlite::WorkError;
use sqlite::rusqlite;
use sqlite::rusqlite::ErrorCode;

use crate::failure::DatabaseFailure;

/// A failure of one piece of work on the file.
pub(super) type Failure = crate::failure::Failure<sqlite::Error>;

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<sqlite::Error> for Failure {
    fn from(error: sqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl WorkError for Failure {
    fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Database(failure) => failure.sqlite(),
            _ => None,
        }
    }
}

impl DatabaseFailure for sqlite::Error {
    /// The file is busy, the disk is full, memory is short, or pages are damaged: the work may succeed once that is
    /// repaired, and no event is at fault. Errors of the schema and unreadable data are permanent.
    fn passes(&self) -> bool {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) => matches!(
                failure.code,
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::OutOfMemory
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::OperationInterrupted
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
            ),
            Self::NoThread | Self::Damaged { .. } | Self::Moved { .. } | Self::BeingRepaired { .. } => true,
            _ => false,
        }
    }

    fn in_words(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}
