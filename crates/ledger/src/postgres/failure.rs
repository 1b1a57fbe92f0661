//! What can go wrong inside the engine, and what it means to the two ports.

use connections::{Conflict, StoreError};
use sqlx_core::error::{DatabaseError, Error};

use crate::LedgerError;
use crate::words::Unreadable;

/// A failure of one piece of work. Its transaction is rolled back.
#[derive(Debug)]
pub(super) enum Failure {
    /// A graph, a digest or an event has moved.
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
    /// No answer came within the deadline.
    TimedOut,
    /// The database failed.
    Postgres(Error),
}

impl Failure {
    /// Whether the line to the server can be used for the next piece of work: what failed was the work, and the server
    /// said so.
    pub(super) fn leaves_line_usable(&self) -> bool {
        match self {
            Self::TimedOut => false,
            // After these the server has closed the line, or what is prepared on it does not fit any more.
            Self::Postgres(Error::Database(error)) => {
                !begins_with(error.as_ref(), &["08", "57P", "25P03", "0A000", "26000"])
            }
            Self::Postgres(error) => matches!(
                error,
                Error::RowNotFound | Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_)
            ),
            _ => true,
        }
    }

    /// The SQLSTATE, where the server gave one.
    pub(super) fn code(&self) -> Option<String> {
        match self {
            Self::Postgres(Error::Database(error)) => error.code().map(Into::into),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // Serialisation failure and deadlock: nothing was written, and what was read has changed.
            Error::Database(error) if begins_with(error.as_ref(), &["40001", "40P01"]) => {
                tracing::warn!(code = error.code().as_deref(), "postgres asks to do it over");
                Self::Moved
            }
            Error::ColumnDecode { .. } | Error::Decode(_) => Self::Unreadable(error.into()),
            error => Self::Postgres(error),
        }
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
            Failure::TimedOut => Self::Unavailable("postgres did not answer in time".into()),
            Failure::Postgres(error) if passes(&error) => Self::Unavailable(error.into()),
            Failure::Postgres(error) => Self::Broken(in_words(&error)),
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
            Failure::TimedOut => Self::Unavailable("postgres did not answer in time".into()),
            Failure::Postgres(error) if passes(&error) => Self::Unavailable(error.into()),
            Failure::Postgres(error) => Self::Unreadable(in_words(&error).into()),
            Failure::Moved | Failure::Fenced => Self::Unavailable("the ledger was changed meanwhile".into()),
            Failure::Broken(what) => Self::Unreadable(what.into()),
        }
    }
}

/// Whether the same work may succeed later: the server is away, full, busy, or does not let us in at present. What the
/// schema refuses stays so. Codes: PostgreSQL's appendix A.
fn passes(error: &Error) -> bool {
    const PASSING: [&str; 12] =
        ["08", "53", "57", "58", "55P03", "55006", "25006", "25P03", "28", "3D000", "0A000", "26000"];
    match error {
        Error::Database(error) => begins_with(error.as_ref(), &PASSING),
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => true,
        _ => false,
    }
}

fn begins_with(error: &dyn DatabaseError, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.iter().any(|begin| code.starts_with(begin)))
}

/// Without the server's detail, which may show a row.
fn in_words(error: &Error) -> String {
    match error {
        Error::Database(error) => {
            format!("postgres refused ({}): {}", error.code().unwrap_or_default(), error.message())
        }
        error => error.to_string(),
    }
}
