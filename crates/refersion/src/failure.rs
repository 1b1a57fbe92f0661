//! Why a call did not succeed, by what the caller does about it.

use std::fmt;
use std::time::Duration;

use crate::Field;

/// The calls that this client makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `/affiliate/new`.
    New,
    /// `/affiliate/get`.
    Get,
    /// `/affiliate/edit`.
    Edit,
    /// `/affiliate/search`.
    Search,
    /// `/affiliate/status_change`.
    StatusChange,
    /// `/affiliate/list`.
    List,
}

impl Operation {
    /// A short name for logs, metrics and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Get => "get",
            Self::Edit => "edit",
            Self::Search => "search",
            Self::StatusChange => "status_change",
            Self::List => "list",
        }
    }

    /// The path below the base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::New => "/v2/affiliate/new",
            Self::Get => "/v2/affiliate/get",
            Self::Edit => "/v2/affiliate/edit",
            Self::Search => "/v2/affiliate/search",
            Self::StatusChange => "/v2/affiliate/status_change",
            Self::List => "/v2/affiliate/list",
        }
    }

    /// Whether the call changes something in Refersion.
    pub fn writes(self) -> bool {
        matches!(self, Self::New | Self::Edit | Self::StatusChange)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the caller does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 429 for too many calls: try again after `retry_after`, or after a back-off. Nothing took effect.
    Throttled,
    /// Refersion cannot be reached, or failed on a read: try again after a back-off. Nothing took effect.
    Unavailable,
    /// A writing call whose answer never came, or says nothing clear (any 5xx, a gateway's page): whether it took effect
    /// is not known, and has to be found out or be told again.
    NoAnswer,
    /// 401, 403 while the keys do not work, or keys that cannot be sent: nothing will succeed until an operator acts.
    Credentials,
    /// The list is longer than the API takes, or a gateway refuses it (403) for one of its items: split it. Never answered
    /// for a list of one.
    TooMany,
    /// Another affiliate has the email address: find the holder.
    EmailTaken,
    /// 422: a value is refused. The field is the one that the text names; if it names none, or several, look for it by
    /// bisection (first by affiliate, then by field).
    Refused {
        /// The field whose value is refused, if the text names just one.
        field: Option<Field>,
    },
    /// 204, 400, 404, an unknown offer, a plan's limit: our request or the settings are wrong, not a person's data. Also
    /// 403 while the keys work: a gateway refuses this request, and it may be for what a person's data say.
    Request,
    /// The email address is taken, but no affiliate with exactly this address is found.
    NotHere,
    /// The gate is shut: nothing was sent.
    Closed,
}

impl Class {
    /// A short name for logs, metrics and records; the field of a refusal is not in it.
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
            Self::NotHere => "not_here",
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
/// `Display` and `Debug` leave the message out, because Refersion repeats refused values in it and logs must not hold
/// personal data.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("refersion call {operation} failed: {class}")]
pub struct Failure {
    /// What to do about it.
    pub class: Class,
    /// The call that failed.
    pub operation: Operation,
    /// The status of the answer, where there was one.
    pub http_status: Option<u16>,
    /// What happened, in Refersion's words where it gave some: for operators, at most 500 bytes, and maybe with
    /// a person's data in it. Never a key or a password.
    pub message: String,
    /// How long the server asks us to wait, where it does (at most one day).
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
