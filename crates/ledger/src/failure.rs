//! Failures inside an engine, and their conversion to the errors of the two ports.

use std::error::Error;

use connections::{Conflict, StoreError};

use crate::LedgerError;
use crate::words::Unreadable;

/// A failure of one piece of work of an engine; `D` is the failure of its database. The transaction is rolled back.
#[derive(Debug)]
pub(crate) enum Failure<D> {
    /// Another process has changed a graph, a digest or an event.
    Moved,
    /// Somebody else has claimed the graphs.
    Claimed,
    /// The lease is lost.
    Fenced,
    /// There is no such connection.
    NoConnection,
    /// A change to a connection conflicts with existing data.
    InTheWay(Conflict),
    /// The request is invalid.
    Broken(String),
    /// Stored data cannot be parsed.
    Unreadable(Box<dyn Error + Send + Sync>),
    /// The database failed.
    Database(D),
}

/// A failure of a database.
pub(crate) trait DatabaseFailure {
    /// Whether the failure is temporary, so that the same work may succeed later.
    fn passes(&self) -> bool;

    /// A description without any data of a row.
    fn in_words(&self) -> String;
}

impl<D> From<serde_json::Error> for Failure<D> {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

impl<D> From<Unreadable> for Failure<D> {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error.into())
    }
}

impl<D: DatabaseFailure> From<Failure<D>> for LedgerError {
    fn from(failure: Failure<D>) -> Self {
        match failure {
            Failure::Moved => Self::Conflict,
            Failure::Claimed => Self::Claimed,
            Failure::Fenced => Self::Fenced,
            Failure::Database(failure) if failure.passes() => Self::Unavailable(failure.in_words().into()),
            Failure::Database(failure) => Self::Broken(failure.in_words()),
            Failure::Unreadable(error) => Self::Broken(format!("the stored data cannot be read: {error}")),
            Failure::Broken(what) => Self::Broken(what),
            Failure::NoConnection => Self::Broken("there is no such connection".to_owned()),
            Failure::InTheWay(conflict) => Self::Broken(conflict.to_string()),
        }
    }
}

impl<D: DatabaseFailure> From<Failure<D>> for StoreError {
    fn from(failure: Failure<D>) -> Self {
        match failure {
            Failure::NoConnection => Self::NotFound,
            Failure::InTheWay(conflict) => Self::Conflict(conflict),
            Failure::Unreadable(error) => Self::Unreadable(error),
            Failure::Database(failure) if failure.passes() => Self::Unavailable(failure.in_words().into()),
            Failure::Database(failure) => Self::Unreadable(failure.in_words().into()),
            Failure::Moved | Failure::Claimed | Failure::Fenced => {
                Self::Unavailable("the ledger was changed meanwhile".into())
            }
            Failure::Broken(what) => Self::Unreadable(what.into()),
        }
    }
}
