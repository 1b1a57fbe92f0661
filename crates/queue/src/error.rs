//! Why the queue did not do what it was asked, by what the caller does next.

use std::error::Error;
use std::sync::Arc;

use ::sqlite::WorkError;

/// Why envelopes are not published. Unless this is `TooLarge`, they may be in the queue all the same: nobody knows
/// about a commit whose answer never came. Publishing them again does no harm.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// The queue holds as much as it may: try again when the worker has caught up.
    #[error("the queue is full; it takes more when the worker has caught up or its limit is raised")]
    Full,
    /// Too much waits in this process to be committed, of this connection or in all: try again in a moment. It says nothing
    /// about the room of the queue.
    #[error("too much waits for the queue at the same time; it goes on by itself")]
    Busy,
    /// The queue cannot be reached or written: try again later.
    #[error("the queue is unavailable")]
    Unavailable {
        /// What the engine said.
        #[source]
        cause: Arc<dyn Error + Send + Sync>,
    },
    /// One envelope is larger than any queue takes: it will never be published as it stands.
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
        /// What the engine said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// Messages of the batch belong to another taker by now: they were held too long, or were answered before. They come
    /// again, which does no harm; those that were still held have been answered.
    #[error(
        "{messages} messages of the batch are not held any more; they were kept too long or answered twice"
    )]
    NotHeld {
        /// How many.
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

/// What SQLite said, where it is the cause.
fn failure_in<'a>(cause: &'a (dyn Error + Send + Sync + 'static)) -> Option<&'a rusqlite::Error> {
    let own = cause.downcast_ref::<::sqlite::Error>().and_then(WorkError::sqlite);
    own.or_else(|| cause.downcast_ref())
}
