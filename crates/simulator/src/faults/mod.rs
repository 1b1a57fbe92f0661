//! Faults: values, and their form as text.

mod injector;
mod limit;
mod spec;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use injector::{AfterEffect, BeforeEffect, Injection, Injector, too_many_calls};
pub(crate) use limit::TokenBucket;
pub use spec::FaultsError;
pub(crate) use spec::{duration as duration_of, text as duration_text};

/// The faults in force. `Faults::default()` is none; `parse` is the inverse of `Display`.
///
/// A specification is a comma-separated list of items; an empty one means no faults.
///
/// | item                    | effect                                                                                |
/// | ----------------------- | ------------------------------------------------------------------------------------- |
/// | `latency=20ms..200ms`   | the latency of every answer; also `latency=50ms`                                      |
/// | `slow=1%:12s`           | additional latency of an answer; the effect is not delayed                            |
/// | `drop-before=0.5%`      | the connection closes without an answer; the call was not carried out                 |
/// | `html=0.5%`             | the gateway's page (502, 503 or 504) instead of JSON; the call was not carried out    |
/// | `403=1%`                | the gateway's `{"message":"Forbidden"}`; the call was not carried out                 |
/// | `503=1%`                | maintenance; the call was not carried out                                             |
/// | `429-after=1%:2s`       | too many calls, with `Retry-After`; the call was not carried out                      |
/// | `429=1%`                | too many calls, without `Retry-After`; the call was not carried out                   |
/// | `500=1%`, `502=`, `504=` | an error of the server or the gateway; half of these calls were carried out           |
/// | `drop-after=0.5%`       | the connection closes without an answer; the call was carried out                     |
/// | `late=1%:12s`           | a `new` is carried out that much later, and the connection closes without an answer   |
/// | `garbage=1%`            | status 200 with a truncated or empty body, or a page; the call was carried out        |
/// | `partial=1%`            | an `edit` or `status_change` reports valid items in `ids_not_changed`, each once; some of them are changed nevertheless |
/// | `down=30s@60s`          | the whole API is down for 30 s, beginning 60 s after the faults were set; may be repeated |
/// | `limit=50..200`         | a hidden limit of calls per second for each account, which changes within the range; calls beyond it get 429 without `Retry-After` |
/// | `credentials=bad`       | every key pair is refused until other faults are set; `credentials=good` is the default |
/// | `account=pub_1`         | all items apply to the account with this public key only                              |
/// | `operation=affiliate/new` | all items apply to this operation only                                              |
///
/// Each item is drawn for each call. If several occur, the first in the order of this table is injected; `slow` and
/// `partial` are added to it. While the API is down, no other fault is injected. Probabilities are percentages down
/// to 0.0001%.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Latency of answers.
    pub latency: Latency,
    /// Probability of each kind of fault, for each call.
    pub probabilities: BTreeMap<Kind, Probability>,
    /// Value of `Retry-After` for `Kind::TooManyAfter`; sent in whole seconds, rounded up.
    pub retry_after: Duration,
    /// Additional latency for `Kind::Slow`.
    pub slow_by: Duration,
    /// How much later a create is carried out, for `Kind::Late`.
    pub late_by: Duration,
    /// Outages of the whole API.
    pub outages: Vec<Outage>,
    /// A hidden limit of calls per second for each account.
    pub limit: Option<Limit>,
    /// Whether every key pair is refused.
    pub bad_credentials: bool,
    /// Public key of the only account that the faults concern; `None`: all accounts.
    pub account: Option<String>,
    /// Name of the only operation that the faults concern, like `affiliate/new`; `None`: all operations.
    pub operation: Option<String>,
}

/// A range of latencies, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// Minimum latency.
    pub min: Duration,
    /// Maximum latency.
    pub max: Duration,
}

/// One outage of the whole API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Its duration.
    pub duration: Duration,
    /// Its start, measured from the moment at which the faults are set.
    pub start: Duration,
}

/// A hidden limit that changes within a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Minimum in calls per second, at least 1.
    pub min: u32,
    /// Maximum in calls per second, not below `min`.
    pub max: u32,
}

/// A probability in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability(u32);

impl Probability {
    /// A probability of 1.
    pub const ONE: Self = Self(1_000_000);

    /// `count` in a million calls, at most a million.
    #[must_use]
    pub fn per_million(count: u32) -> Self {
        Self(count.min(Self::ONE.0))
    }

    /// The number of occurrences in a million calls.
    #[must_use]
    pub fn as_per_million(self) -> u32 {
        self.0
    }
}

/// The kinds of faults that are drawn for each call, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `slow`
    Slow,
    /// `drop-before`
    DropBefore,
    /// `html`
    Html,
    /// `403`
    Forbidden,
    /// `503`
    Unavailable,
    /// `429-after`
    TooManyAfter,
    /// `429`
    TooMany,
    /// `500`
    Internal,
    /// `502`
    BadGateway,
    /// `504`
    GatewayTimeout,
    /// `drop-after`
    DropAfter,
    /// `late`
    Late,
    /// `garbage`
    Garbage,
    /// `partial`
    Partial,
}

impl Kind {
    /// Every kind, in order of precedence.
    pub const ALL: [Self; 14] = [
        Self::Slow,
        Self::DropBefore,
        Self::Html,
        Self::Forbidden,
        Self::Unavailable,
        Self::TooManyAfter,
        Self::TooMany,
        Self::Internal,
        Self::BadGateway,
        Self::GatewayTimeout,
        Self::DropAfter,
        Self::Late,
        Self::Garbage,
        Self::Partial,
    ];

    /// The name in a specification and in the counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::DropBefore => "drop-before",
            Self::Html => "html",
            Self::Forbidden => "403",
            Self::Unavailable => "503",
            Self::TooManyAfter => "429-after",
            Self::TooMany => "429",
            Self::Internal => "500",
            Self::BadGateway => "502",
            Self::GatewayTimeout => "504",
            Self::DropAfter => "drop-after",
            Self::Late => "late",
            Self::Garbage => "garbage",
            Self::Partial => "partial",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
