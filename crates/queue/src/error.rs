//! Errors of a queue, by what the caller has to do next.

use std::error::Error;
use std::sync::Arc;

use ::sqlite::WorkError;

/// Why envelopes are not published. Unless this is `TooLarge`, they may be in the queue nevertheless: if a commit gets no
/// answer, its outcome is unknown. Publishing them again does no harm.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// The queue has no room: try again when the worker has caught up.
    #[error(
        "the queue is full; it accepts events again when the worker has caught up or its limit is raised"
    )]
    Full,
    /// Too many envelopes wait in this process to be committed, of this connection or in all: try again in a moment. The
    /// queue itself may have room.
    #[error("too many events wait for the queue at the same time; this ends by itself")]
    Busy,
    /// The queue cannot be reached or written: try again later.
    #[error("the queue is unavailable")]
    Unavailable {
        /// The cause, as the engine reports it.
        #[source]
        cause: Arc<dyn Error + Send + Sync>,
    },
    /// One envelope is larger than any queue accepts: it can never be published as it is.
    #[error("an event of {bytes} bytes is too large for the queue, which takes {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl PublishError {
    /// The queue cannot be used because of `cause`.
    pub fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable { cause: Arc::new(cause) }
    }
}

impl From<::sqlite::Error> for PublishError {
    fn from(cause: ::sqlite::Error) -> Self {
        Self::unavailable(cause)
    }
}

impl From<rusqlite::Error> for PublishError {
    fn from(cause: rusqlite::Error) -> Self {
        Self::unavailable(cause)
    }
}

/// Why nothing could be taken, acknowledged or counted.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue cannot be reached or written: try again later.
    #[error("the queue is unavailable")]
    Unavailable {
        /// The cause, as the engine reports it.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// Messages of the batch belong to another taker by now: they were held too long, or were answered before. They are
    /// delivered again, which does no harm; those that were still held have been answered.
    #[error("{messages} messages of the batch are no longer held; they were held too long or answered twice")]
    NotHeld {
        /// Number of such messages.
        messages: usize,
    },
}

impl From<::sqlite::Error> for QueueError {
    fn from(cause: ::sqlite::Error) -> Self {
        Self::Unavailable { cause: Box::new(cause) }
    }
}

impl From<rusqlite::Error> for QueueError {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Unavailable { cause: Box::new(cause) }
    }
}

impl WorkError for PublishError {
    fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Unavailable { cause } => failure_in(cause.as_ref()),
            _ => None,
        }
    }
}

impl WorkError for QueueError {
    fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Unavailable { cause } => failure_in(cause.as_ref()),
            Self::NotHeld { .. } => None,
        }
    }
}

/// The error of SQLite, if that is the cause.
fn failure_in<'a>(cause: &'a (dyn Error + Send + Sync + 'static)) -> Option<&'a rusqlite::Error> {
    let own = cause.downcast_ref::<::sqlite::Error>().and_then(WorkError::sqlite);
    own.or_else(|| cause.downcast_ref())
}
