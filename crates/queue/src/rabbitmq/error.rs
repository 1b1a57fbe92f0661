//! Errors of a broker, by what corrects them.

use std::sync::Arc;
use std::time::Duration;

use crate::{PublishError, QueueError};

/// Why a broker operation failed. Clones share the cause.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RabbitError {
    /// A URL or an option is wrong: correct the configuration.
    #[error("{what}")]
    Configuration {
        /// The wrong value, and the form that it has to have. Contains no password.
        what: String,
    },
    /// A queue or an exchange exists with other arguments than ours.
    #[error(
        "{name} exists with another {argument} than the configured one; give the setting its old value, or stop the \
         program, wait until {name} is empty, delete it and start again (the broker says: {detail})"
    )]
    Mismatch {
        /// The queue or exchange.
        name: String,
        /// The argument that differs, such as `x-max-length-bytes`.
        argument: String,
        /// The broker's own text.
        detail: String,
    },
    /// The exchange or a queue does not exist, and the caller does not want to create it.
    #[error("the exchange `{exchange}` or one of its queues does not exist")]
    NotDeclared {
        /// The name of the exchange.
        exchange: String,
    },
    /// The broker refused the user, its password, the virtual host or a permission.
    #[error(
        "the broker refuses access; check user, password and virtual host of the URL, and that the user may configure, \
         write and read `{prefix}` and all names that begin with `{prefix}.` (the broker says: {detail})"
    )]
    Refused {
        /// The prefix of the names of our exchange and queues.
        prefix: String,
        /// The broker's own text.
        detail: String,
    },
    /// The certificate of the broker is not trusted, or not valid for the host of the URL.
    #[error(
        "the broker's certificate is not trusted; set queue.ca_file to the certificate of the authority that signed it, and \
         use the host name that it was made for ({detail})"
    )]
    Untrusted {
        /// The fault of the certificate.
        detail: String,
    },
    /// No node answers correctly: try again later.
    #[error("the broker failed while {doing}")]
    Broker {
        /// The operation.
        doing: &'static str,
        /// The cause, as lapin reports it.
        #[source]
        cause: Arc<lapin::Error>,
    },
    /// The management API does not answer the request.
    #[error("the management API of the broker gave no usable answer: {why}")]
    Management {
        /// The reason. Contains no password.
        why: String,
    },
    /// No answer in time.
    #[error("the broker did not answer within {limit:?} while {doing}")]
    TooSlow {
        /// The operation.
        doing: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// The broker has blocked publishing: it is short of memory or disk.
    #[error("the broker blocks publishing: {reason}")]
    Blocked {
        /// The broker's own text.
        reason: String,
    },
    /// A message reached no queue.
    #[error("the broker returned a message: {detail}")]
    Returned {
        /// The broker's own text.
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
    /// Whether a retry is useless until somebody changes the configuration or the broker.
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
