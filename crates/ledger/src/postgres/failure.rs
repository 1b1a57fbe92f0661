//! Failures of Postgres.

use sqlx::error::{DatabaseError, Error};

use crate::failure::DatabaseFailure;

/// A failure of one piece of work on the server.
pub(super) type Failure = crate::failure::Failure<PostgresFailure>;

/// A failure of the server, or of the connection to it.
#[derive(Debug)]
pub(crate) enum PostgresFailure {
    /// No answer came within the deadline.
    TimedOut,
    /// An error of sqlx or the server.
    Failed(Error),
}

impl Failure {
    /// Whether the connection can be used for the next piece of work: the server reported that the work failed.
    pub(super) fn leaves_connection_usable(&self) -> bool {
        match self {
            Self::Database(PostgresFailure::TimedOut) => false,
            // After these errors the server has closed the connection, or its prepared statements are invalid, or the server is a standby
            // that accepts no writes.
            Self::Database(PostgresFailure::Failed(Error::Database(error))) => {
                !begins_with(error.as_ref(), &["08", "57P", "25006", "25P03", "0A000", "26000"])
            }
            Self::Database(PostgresFailure::Failed(error)) => matches!(
                error,
                Error::RowNotFound | Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_)
            ),
            _ => true,
        }
    }

    /// The SQLSTATE, if the server returned one.
    pub(super) fn code(&self) -> Option<String> {
        match self {
            Self::Database(PostgresFailure::Failed(Error::Database(error))) => error.code().map(Into::into),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // Serialization failure and deadlock: nothing was written, and the data that was read has changed.
            Error::Database(error) if begins_with(error.as_ref(), &["40001", "40P01"]) => {
                tracing::warn!(code = error.code().as_deref(), "postgres asks to repeat the transaction");
                Self::Moved
            }
            Error::ColumnDecode { .. } | Error::Decode(_) => Self::Unreadable(error.into()),
            error => Self::Database(PostgresFailure::Failed(error)),
        }
    }
}

impl DatabaseFailure for PostgresFailure {
    /// The server is unavailable, full, busy, or refuses connections at present. Errors of the schema are permanent.
    /// Codes: PostgreSQL's appendix A.
    fn passes(&self) -> bool {
        const PASSING: [&str; 12] =
            ["08", "53", "57", "58", "55P03", "55006", "25006", "25P03", "28", "3D000", "0A000", "26000"];
        match self {
            Self::TimedOut => true,
            Self::Failed(Error::Database(error)) if is_about_startup(error.as_ref()) => false,
            Self::Failed(Error::Database(error)) => begins_with(error.as_ref(), &PASSING),
            Self::Failed(Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed) => true,
            Self::Failed(_) => false,
        }
    }

    /// Omits the server's detail, which may contain data of a row.
    fn in_words(&self) -> String {
        match self {
            Self::TimedOut => "postgres did not answer in time".to_owned(),
            Self::Failed(Error::Database(error)) if is_about_startup(error.as_ref()) => format!(
                "a pooler does not pass on a parameter of ledger.url: set it for the role instead (ALTER ROLE … SET …); \
                 it says: {}",
                error.message()
            ),
            Self::Failed(Error::Database(error)) => {
                format!("postgres refused ({}): {}", error.code().unwrap_or_default(), error.message())
            }
            Self::Failed(error) => error.to_string(),
        }
    }
}

/// Whether a pooler refuses parameters of the URL: pgbouncer does not accept `options`.
fn is_about_startup(error: &dyn DatabaseError) -> bool {
    error.message().starts_with("unsupported startup parameter")
}

fn begins_with(error: &dyn DatabaseError, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.iter().any(|begin| code.starts_with(begin)))
}
