//! What went wrong with a broker, by what mends it.

use std::sync::Arc;
use std::time::Duration;

use crate::{PublishError, QueueError};

/// Why a broker did not do what it was asked. Clones share the cause.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RabbitError {
    /// A URL or an option is wrong: mend the configuration.
    #[error("{what}")]
    Configuration {
        /// Which, and how it has to look. Holds no password.
        what: String,
    },
    /// A queue or an exchange exists with other arguments than ours.
    #[error(
        "{name} exists with another {argument} than the configured one; give the setting its old value, or stop the \
         program, let {name} run empty, delete it and start again (the broker says: {detail})"
    )]
    Mismatch {
        /// The queue or exchange.
        name: String,
        /// The argument that differs, such as `x-max-length-bytes`.
        argument: String,
        /// The broker's own words.
        detail: String,
    },
    /// The exchange or a queue is not there, and the caller does not want it made.
    #[error("the exchange `{exchange}` or one of its queues is not there")]
    NotDeclared {
        /// The name of the exchange.
        exchange: String,
    },
    /// The broker refused the user, its password, the virtual host or a permission.
    #[error(
        "the broker refuses access; check user, password and virtual host of the URL, and that the user may configure, \
         write and read `{prefix}` and what begins with `{prefix}.` (the broker says: {detail})"
    )]
    Refused {
        /// What the names of our exchange and queues begin with.
        prefix: String,
        /// The broker's own words.
        detail: String,
    },
    /// The certificate of the broker is not one that we trust, or not one for the host of the URL.
    #[error(
        "the broker's certificate is not trusted; give the authority that signed it with the setting for it, and use \
         the host name that it was made for ({detail})"
    )]
    Untrusted {
        /// What is wrong with it.
        detail: String,
    },
    /// No node answers as it should: try again later.
    #[error("the broker failed while {doing}")]
    Broker {
        /// What we were doing.
        doing: &'static str,
        /// What lapin reports.
        #[source]
        cause: Arc<lapin::Error>,
    },
    /// The management API does not say what it is asked.
    #[error("the management API of the broker tells nothing: {why}")]
    Management {
        /// Why not. Holds no password.
        why: String,
    },
    /// No answer in time.
    #[error("the broker did not answer within {limit:?} while {doing}")]
    TooSlow {
        /// What we were doing.
        doing: &'static str,
        /// The time that it had.
        limit: Duration,
    },
    /// The broker has blocked publishing: it is short of memory or disk.
    #[error("the broker blocks publishing: {reason}")]
    Blocked {
        /// The broker's own words.
        reason: String,
    },
    /// A message reached no queue.
    #[error("the broker returned a message: {detail}")]
    Returned {
        /// The broker's own words.
        detail: String,
    },
    /// The broker ended a consumer: its queue was deleted or moved.
    #[error("the broker ended the consumer of {queue}")]
    Cancelled {
        /// The queue.
        queue: String,
    },
    /// There is no connection yet, or it is being opened again.
    #[error("there is no connection to the broker")]
    NotConnected,
    /// The handle is being dropped.
    #[error("the queue is closed")]
    Closed,
}

impl RabbitError {
    /// Whether trying again is in vain until somebody changes the configuration or the broker.
    #[must_use]
    pub fn needs_an_operator(&self) -> bool {
        matches!(
            self,
            Self::Configuration { .. }
                | Self::Mismatch { .. }
                | Self::NotDeclared { .. }
                | Self::Refused { .. }
                | Self::Untrusted { .. }
        )
    }

    pub(super) fn broker(doing: &'static str) -> impl FnOnce(lapin::Error) -> Self {
        move |cause| Self::Broker { doing, cause: Arc::new(cause) }
    }
}

impl From<RabbitError> for PublishError {
    fn from(cause: RabbitError) -> Self {
        Self::unavailable(cause)
    }
}

impl From<RabbitError> for QueueError {
    fn from(cause: RabbitError) -> Self {
        Self::Unavailable { cause: Box::new(cause) }
    }
}

/// Awaits an answer of the broker for `limit` at most.
pub(super) async fn within<T>(
    limit: Duration,
    doing: &'static str,
    answer: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, RabbitError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(RabbitError::broker(doing)),
        Err(_) => Err(RabbitError::TooSlow { doing, limit }),
    }
}
