//! What can go wrong inside the engine, and what it means to the two ports.

use connections::{Conflict, StoreError};
use sqlite::rusqlite;
use sqlite::rusqlite::ErrorCode;

use crate::LedgerError;
use crate::words::Unreadable;

/// A failure of one piece of work. Its transaction is rolled back.
#[derive(Debug)]
pub(super) enum Failure {
    /// A graph or digest has moved.
    Moved,
    /// The lease is lost.
    Fenced,
    /// There is no such connection.
    NoConnection,
    /// Something is in the way of a change to a connection.
    InTheWay(Conflict),
    /// What was asked makes no sense.
    Broken(String),
    /// What is stored cannot be understood.
    Unreadable(Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    Sqlite(sqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.into())
    }
}

impl From<sqlite::Error> for Failure {
    fn from(error: sqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error.into())
    }
}

impl From<Failure> for LedgerError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Moved => Self::Conflict,
            Failure::Fenced => Self::Fenced,
            Failure::Sqlite(error) if passes(&error) => Self::Unavailable(error.into()),
            Failure::Sqlite(error) => Self::Broken(with_cause(&error)),
            Failure::Unreadable(error) => Self::Broken(format!("what is stored cannot be read: {error}")),
            Failure::Broken(what) => Self::Broken(what),
            Failure::NoConnection => Self::Broken("there is no such connection".to_owned()),
            Failure::InTheWay(conflict) => Self::Broken(conflict.to_string()),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoConnection => Self::NotFound,
            Failure::InTheWay(conflict) => Self::Conflict(conflict),
            Failure::Unreadable(error) => Self::Unreadable(error),
            Failure::Sqlite(error) if passes(&error) => Self::Unavailable(error.into()),
            Failure::Sqlite(error) => Self::Unreadable(error.into()),
            Failure::Moved | Failure::Fenced => Self::Unavailable("the ledger was changed meanwhile".into()),
            Failure::Broken(what) => Self::Unreadable(what.into()),
        }
    }
}

/// Whether the same work may succeed later: the file is busy, the disk is full, memory is short. What the schema refuses
/// or what cannot be read stays so.
fn passes(error: &sqlite::Error) -> bool {
    let sqlite::Error::Sqlite(error) = error else { return matches!(error, sqlite::Error::NoThread) };
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::OutOfMemory
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::OperationInterrupted
        ),
        _ => false,
    }
}

fn with_cause(error: &sqlite::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
