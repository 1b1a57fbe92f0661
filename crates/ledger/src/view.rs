//! Events, failed calls and counts as an operator reads them.

use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::State;

/// The pair of Refersion ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffiliateRef {
    /// The numeric id.
    pub id: Option<u64>,
    /// The affiliate code.
    pub code: Option<String>,
}

/// An event with its history.
#[derive(Clone, Debug)]
pub struct EventView {
    /// Its id.
    pub event: Uuid,
    /// See [`crate::NewEvent::kind`].
    pub kind: String,
    /// Its connection.
    pub connection: ConnectionId,
    /// When the ingest endpoint accepted it.
    pub received_at: Timestamp,
    /// Its current state.
    pub state: State,
    /// The reason.
    pub reason: Option<String>,
    /// When it reached its current outcome; `None` while it is pending.
    pub ended_at: Option<Timestamp>,
    /// The affiliate concerned.
    pub affiliate: Option<AffiliateRef>,
    /// Failed calls, oldest first.
    pub attempts: Vec<AttemptView>,
    /// Its dead letter, in any state.
    pub dead_letter: Option<DeadLetterRef>,
    /// The digests by which it is found: those of its message id and its identifiers.
    pub found_by: Vec<identity::Digest>,
}

/// The dead letter of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRef {
    /// Its row id.
    pub id: i64,
    /// The text of the cause.
    pub cause: String,
}

/// A failed call.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptView {
    /// The time.
    pub at: Timestamp,
    /// Refersion's name of the operation.
    pub operation: String,
    /// The status of the answer.
    pub http_status: Option<u16>,
    /// The failure's class.
    pub class: String,
    /// Refersion's message.
    pub message: String,
    /// The request as JSON, without any value of a person; `None` for calls of versions that did not store requests, and once it is erased.
    #[serde(serialize_with = "as_json")]
    pub request: Option<String>,
}

/// Writes a JSON text unchanged.
fn as_json<S: serde::Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let json =
        text.as_deref().and_then(|text| serde_json::from_str::<&serde_json::value::RawValue>(text).ok());
    json.serialize(serializer)
}

/// Counts for `status`.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Events that are pending.
    pub pending: u64,
    /// Dirty affiliates and persons.
    pub dirty: u64,
    /// Waiting persons and identifiers.
    pub waiting: u64,
    /// Affiliates whose payout field is held back until an operator confirms it.
    pub held_back: u64,
    /// Affiliates that keep a value that should be removed, by field.
    pub stuck: std::collections::BTreeMap<String, u64>,
    /// Dead letters that are open.
    pub dead_letters: u64,
    /// Dead letters that are open, by class.
    pub dead_letters_by_class: std::collections::BTreeMap<String, u64>,
    /// Graphs that are due now.
    pub due: u64,
    /// Events by state, without those whose outcome has expired.
    pub outcomes: std::collections::BTreeMap<String, u64>,
    /// Unmapped traits: spelling and number of events, most first, at most 50.
    pub unmapped: Vec<(String, u64)>,
    /// Events with unmapped traits beyond those that are counted by name: if there are any, the counts above are a sample.
    pub unmapped_beyond: u64,
    /// Blocked identifiers, by place and identifier (`userId undefined`), with the number of events that had them.
    pub blocked_identifiers: Vec<(String, u64)>,
    /// Shared identifiers, by place and digest (`email 0f3c…`), with the number of events that named them since they
    /// stopped linking.
    pub shared_identifiers: Vec<(String, u64)>,
    /// Unusable values, by trait and reason (`tags nested`), with the number of events that had them.
    pub unusable_values: Vec<(String, u64)>,
    /// Deletes of persons without stored data.
    pub unmatched_deletes: u64,
}

/// The kinds of data that expire, in the order in which a sweep deletes them: later kinds depend on earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiring {
    /// Dead letters.
    DeadLetters,
    /// Items of finished plans.
    PlanItems,
    /// Events that ended, with their outcomes.
    Outcomes,
    /// Failed calls.
    Attempts,
    /// A whole part of the ledger in which all events are old: the limit does not apply. An engine without such parts has nothing to do.
    Weeks,
    /// Message ids of an earlier version, of any age. Each event that was checked counts.
    MessageIds,
    /// Rows of removed connections, of any age, if the process that removed one did not finish.
    RemovedConnections,
}

impl Expiring {
    /// All kinds, in their order.
    pub const ALL: [Self; 7] = [
        Self::DeadLetters,
        Self::PlanItems,
        Self::Outcomes,
        Self::Attempts,
        Self::Weeks,
        Self::MessageIds,
        Self::RemovedConnections,
    ];

    /// Whether it has the retention of dead letters. Everything else has the retention of outcomes.
    #[must_use]
    pub const fn is_kept_with_dead_letters(self) -> bool {
        matches!(self, Self::DeadLetters | Self::PlanItems)
    }
}

/// The clock of sweeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepClock {
    /// The current time that sweeps use.
    pub now: Timestamp,
    /// The time up to which sweeps have deleted expired data. `None` before the first sweep.
    pub swept: Option<Timestamp>,
}
