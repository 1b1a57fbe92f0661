//! The port of acts that are carried out once, even if they are requested several times.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::LedgerError;
use crate::words::micros;

/// The time for which a key is stored.
const KEPT: Duration = Duration::from_secs(86_400);

/// The time for which an act counts as under way after it began, or after its claim was last renewed. After that the process counts as
/// crashed, and the act may be requested again. Earlier versions do not renew claims, but use the same time.
pub(crate) const UNDER_WAY: Duration = Duration::from_secs(600);

/// The interval of renewing the claim of an act that is under way: several renewals may fail.
pub const RENEW_REQUEST_EVERY: Duration = Duration::from_secs(60);

/// The time from which an act that was begun or renewed at `begun`, in microseconds, counts as crashed.
pub(crate) fn crashes_at(begun: i64, now: Timestamp) -> Timestamp {
    let begun = Timestamp::from_microsecond(begun).unwrap_or(now);
    begun.checked_add(UNDER_WAY).unwrap_or(now)
}

/// Maximum number of expired keys that are deleted with each new key.
pub(crate) const DROPPED_AT_ONCE: usize = 100;

/// A key whose act began before this time has expired; in the form that is stored.
pub(crate) fn expired(now: Timestamp) -> i64 {
    now.checked_sub(KEPT).map_or(i64::MIN, micros)
}

/// A request with a key.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    /// The operator who makes the request.
    pub operator: String,
    /// A keyed digest of the key.
    pub key: [u8; 16],
    /// A keyed digest of the whole request.
    pub request: [u8; 16],
    /// A random id of this attempt.
    pub owner: Uuid,
    /// The current time.
    pub at: Timestamp,
}

/// The way to handle such a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Carry it out, and [finish](Idempotency::finish_request) it.
    New,
    /// It was carried out: give the same answer.
    Answered(KeptAnswer),
    /// It is being carried out.
    UnderWay {
        /// The time from which the process counts as crashed, and the same request may take the key.
        until: Timestamp,
    },
    /// The key was used for another request.
    OtherRequest,
}

/// The answer to an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its body; `None` if it is not stored, because it contains a secret or is too large.
    pub body: Option<String>,
}

/// Keys of acts. They are stored for a day after the act was last under way; expired ones are deleted with the next new key, and by
/// housekeeping.
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Takes a key for a request, or returns the state of the request that took it.
    async fn begin_request(&self, request: &IdempotentRequest) -> Result<Begun, LedgerError>;

    /// Renews the claim of a request that is under way, at `now`. Returns whether the request still has the key. Without renewals the act
    /// counts as crashed some time after it began.
    async fn renew_request(&self, request: &IdempotentRequest, now: Timestamp) -> Result<bool, LedgerError>;

    /// Stores the answer to a request that was begun; `None` releases the key, because nothing was done.
    async fn finish_request(
        &self,
        request: &IdempotentRequest,
        answer: Option<&KeptAnswer>,
    ) -> Result<(), LedgerError>;
}
