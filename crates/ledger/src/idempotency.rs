//! The port of acts that are carried out once, however often they are asked for.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::LedgerError;
use crate::words::micros;

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(86_400);

/// How long an act counts as under way after it was begun, or its claim was last renewed. After that the process counts as
/// crashed, and the act may be asked for again. Earlier versions renew nothing, and go by the same time.
pub(crate) const UNDER_WAY: Duration = Duration::from_secs(600);

/// How often the claim of an act that is under way is renewed: several renewals may fail.
pub const RENEW_REQUEST_EVERY: Duration = Duration::from_secs(60);

/// When an act that was begun or renewed at `begun`, in microseconds, counts as crashed.
pub(crate) fn crashes_at(begun: i64, now: Timestamp) -> Timestamp {
    let begun = Timestamp::from_microsecond(begun).unwrap_or(now);
    begun.checked_add(UNDER_WAY).unwrap_or(now)
}

/// Keys that are dropped with each new one, at most, once they have expired.
pub(crate) const DROPPED_AT_ONCE: usize = 100;

/// The time, as it is stored, before which a key that was begun has expired.
pub(crate) fn expired(now: Timestamp) -> i64 {
    now.checked_sub(KEPT).map_or(i64::MIN, micros)
}

/// A request with a key.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    /// Who asks.
    pub operator: String,
    /// A keyed digest of the key.
    pub key: [u8; 16],
    /// A keyed digest of the whole request.
    pub request: [u8; 16],
    /// A random id of this attempt.
    pub owner: Uuid,
    /// Now.
    pub at: Timestamp,
}

/// What is to be done with such a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Carry it out, and [finish](Idempotency::finish_request) it.
    New,
    /// It was carried out: give the same answer.
    Answered(KeptAnswer),
    /// It is being carried out.
    UnderWay {
        /// From then on its process counts as crashed, and the same request may take the key.
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
    /// Its body; `None` where it is not kept, because there is a secret in it or it is too large.
    pub body: Option<String>,
}

/// Keys of acts, for a day after the act was last under way; expired ones are dropped with the next new key, and by housekeeping.
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Takes a key for a request, or says what became of the request that took it.
    async fn begin_request(&self, request: &IdempotentRequest) -> Result<Begun, LedgerError>;

    /// Renews the claim of a request that is under way, at `now`; whether it still has the key. Without this the act counts
    /// as crashed some time after it was begun.
    async fn renew_request(&self, request: &IdempotentRequest, now: Timestamp) -> Result<bool, LedgerError>;

    /// Keeps the answer of a request that was begun; `None` gives the key back, because nothing was done.
    async fn finish_request(
        &self,
        request: &IdempotentRequest,
        answer: Option<&KeptAnswer>,
    ) -> Result<(), LedgerError>;
}
