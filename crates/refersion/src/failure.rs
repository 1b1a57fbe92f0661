//! Failures of calls, classified by what the caller has to do about them.

use std::fmt;
use std::time::Duration;

use crate::{Field, Operation};

/// The class of a failure: the action that it requires of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 429 for too many calls: retry after `retry_after`, or with backoff. The call had no effect.
    Throttled,
    /// Refersion cannot be reached, or a reading call failed: retry with backoff. The call had no effect.
    Unavailable,
    /// A writing call without an answer, or with one that says nothing definite (any 5xx, a gateway's page). Whether
    /// it had an effect is unknown: the caller has to find out or send the values again.
    NoAnswer,
    /// 401, 403 while the keys are not accepted, or keys that cannot be sent: no call will succeed until an operator
    /// acts.
    Credentials,
    /// The list is longer than the API allows, or a gateway refuses it (403) because of one of its items: split it.
    /// Never returned for a list of one.
    TooMany,
    /// Another affiliate has the email address: look for it.
    EmailTaken,
    /// 422: a value is refused. If the answer names no field, or several, find it by bisection (first by affiliate,
    /// then by field).
    Refused {
        /// The field whose value is refused, if the answer names exactly one.
        field: Option<Field>,
    },
    /// 204, 400, 404, an unknown offer, a limit of the plan: the request or the settings are wrong, not a person's
    /// data. Also 403 while the keys are accepted: a gateway refuses this request, possibly because of a person's
    /// data.
    Request,
    /// The email address is taken, but no affiliate with exactly this address is found.
    NotFound,
    /// The gate is closed: nothing was sent.
    Closed,
}

impl Class {
    /// A short name for logs, metrics and records, without the field of a refusal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::NoAnswer => "no_answer",
            Self::Credentials => "credentials",
            Self::TooMany => "too_many",
            Self::EmailTaken => "email_taken",
            Self::Refused { .. } => "refused",
            Self::Request => "request",
            // Stored in ledgers under this name.
            Self::NotFound => "not_here",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A call that did not succeed.
///
/// `Display` and `Debug` leave out the message: Refersion repeats refused values in it, and logs must not contain
/// personal data.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("refersion call {operation} failed: {class}")]
pub struct Failure {
    /// The class, which says what the caller has to do.
    pub class: Class,
    /// The operation that failed.
    pub operation: Operation,
    /// HTTP status of the answer, if there was one.
    pub http_status: Option<u16>,
    /// The cause, in Refersion's words if it gave any. For operators: at most 500 bytes, may contain personal data,
    /// never contains a key or a password.
    pub message: String,
    /// The wait that the server asks for, if it does; at most one day.
    pub retry_after: Option<Duration>,
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("class", &self.class)
            .field("operation", &self.operation)
            .field("http_status", &self.http_status)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}
