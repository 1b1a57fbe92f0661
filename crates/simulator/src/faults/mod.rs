//! What goes wrong on demand, as text and as values.

mod limit;
mod spec;
mod weather;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use limit::Bucket;
pub use spec::FaultsError;
pub(crate) use weather::{After, Instead, Plan, Weather, too_many_calls};

/// The faults in force. `Faults::default()` is none; `parse` and `Display` are each other's inverse.
///
/// A specification is a list of items with commas between them; an empty one is a Refersion in perfect health.
///
/// | item                    | what it does                                                                          |
/// | ----------------------- | ------------------------------------------------------------------------------------- |
/// | `latency=20ms..200ms`   | every answer takes so long; also `latency=50ms`                                       |
/// | `slow=1%:12s`           | an answer takes so much longer; its effect takes place at once                        |
/// | `drop-before=0.5%`      | the connection closes without an answer, nothing was done                             |
/// | `html=0.5%`             | the gateway's page (502, 503 or 504) instead of JSON, nothing was done                |
/// | `403=1%`                | the gateway's `{"message":"Forbidden"}`, nothing was done                             |
/// | `503=1%`                | maintenance, nothing was done                                                         |
/// | `429-after=1%:2s`       | too many calls, with `Retry-After`, nothing was done                                  |
/// | `429=1%`                | too many calls, without `Retry-After`, nothing was done                               |
/// | `500=1%`, `502=`, `504=` | a fault of the server or the gateway; half of these calls were carried out            |
/// | `drop-after=0.5%`       | the connection closes without an answer, the call was carried out                     |
/// | `garbage=1%`            | the call was carried out, status 200, and the body is cut off, empty or a page        |
/// | `partial=1%`            | an `edit` or `status_change` leaves healthy items in `ids_not_changed`, each once; some of them are done all the same |
/// | `down=30s@60s`          | the whole API is down for 30 s, beginning 60 s after the faults were set; may be given several times |
/// | `limit=50..200`         | a hidden limit of calls per second for each account, which moves in that range; beyond it, 429 without `Retry-After` |
/// | `credentials=bad`       | every key pair is refused until other faults are set; `credentials=good` is the default |
/// | `account=pub_1`         | all items hold for the account with that public key alone                             |
///
/// Each item is drawn for each call; where several hit, the first in the order of this table counts, and `slow` and
/// `partial` come on top of it. While the API is down, nothing else counts. Chances are percentages down to 0.0001%.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// How long answers take.
    pub latency: Latency,
    /// The chance of each kind of fault, for each call.
    pub chances: BTreeMap<Kind, Chance>,
    /// What `Retry-After` says where `Kind::TooManyAfter` hits; sent in whole seconds, rounded up.
    pub retry_after: Duration,
    /// How much longer an answer takes where `Kind::Slow` hits.
    pub slow_by: Duration,
    /// When the whole API is down.
    pub down: Vec<Down>,
    /// A limit of calls per second for each account.
    pub limit: Option<Limit>,
    /// Every key pair is refused.
    pub bad_credentials: bool,
    /// The public key of the one account that is concerned; `None`: all are.
    pub account: Option<String>,
}

/// The range in which the time to an answer lies, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// At least so long.
    pub least: Duration,
    /// At most so long.
    pub most: Duration,
}

/// One outage of the whole API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down {
    /// How long it lasts.
    pub lasts: Duration,
    /// When it begins, counted from the moment at which the faults are set.
    pub begins: Duration,
}

/// A hidden limit that moves within a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Calls per second, at least 1.
    pub least: u32,
    /// Calls per second, not below `least`.
    pub most: u32,
}

/// A chance in millionths, from none to certain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(u32);

impl Chance {
    /// Certain.
    pub const ONE: Self = Self(1_000_000);

    /// So many in a million calls; more than a million is certain.
    #[must_use]
    pub fn millionths(millionths: u32) -> Self {
        Self(millionths.min(Self::ONE.0))
    }

    /// So many in a million calls.
    #[must_use]
    pub fn per_million(self) -> u32 {
        self.0
    }
}

/// The kinds of faults that are drawn for each call, in the order in which they count.
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
    /// `garbage`
    Garbage,
    /// `partial`
    Partial,
}

impl Kind {
    /// Every kind, in the order in which they count.
    pub const ALL: [Self; 13] = [
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
            Self::Garbage => "garbage",
            Self::Partial => "partial",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
