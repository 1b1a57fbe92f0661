//! What an operator reads of events and failed calls, and counts.

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

/// An event with what happened to it.
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
    /// Where it stands now.
    pub state: State,
    /// Why.
    pub reason: Option<String>,
    /// When it came to its current outcome; `None` while it is pending.
    pub ended_at: Option<Timestamp>,
    /// The affiliate concerned.
    pub affiliate: Option<AffiliateRef>,
    /// Failed calls, oldest first.
    pub attempts: Vec<AttemptView>,
    /// Its dead letter, whatever became of it.
    pub dead_letter: Option<DeadLetterRef>,
    /// The digests that it is found by: its message id's and its identifiers'.
    pub found_by: Vec<identity::Digest>,
}

/// The dead letter of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRef {
    /// Its row id.
    pub id: i64,
    /// The cause in words.
    pub cause: String,
}

/// A failed call.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptView {
    /// When.
    pub at: Timestamp,
    /// Refersion's name of the operation.
    pub operation: String,
    /// The status of the answer.
    pub http_status: Option<u16>,
    /// The failure's class.
    pub class: String,
    /// What Refersion said.
    pub message: String,
    /// What was sent, less any value of a person, as JSON; `None` for calls before requests were kept, and once it is erased.
    #[serde(serialize_with = "as_json")]
    pub request: Option<String>,
}

/// Writes a text that is JSON as it is.
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
    /// Affiliates or persons that differ from what Refersion knows.
    pub dirty: u64,
    /// Persons and identifiers that wait.
    pub waiting: u64,
    /// Affiliates whose payout field is held back until an operator confirms it.
    pub held_back: u64,
    /// Affiliates that keep a value which has to go, by field.
    pub stuck: std::collections::BTreeMap<String, u64>,
    /// Dead letters that are open.
    pub dead_letters: u64,
    /// Dead letters that are open, by class.
    pub dead_letters_by_class: std::collections::BTreeMap<String, u64>,
    /// Graphs that are due now.
    pub due: u64,
    /// Events by state, those whose outcome has not expired.
    pub outcomes: std::collections::BTreeMap<String, u64>,
    /// Unmapped traits: spelling and number of events, most first, at most 50.
    pub unmapped: Vec<(String, u64)>,
    /// Events that stated more unmapped traits than are counted by name: if there are any, the counts above are a sample.
    pub unmapped_beyond: u64,
    /// Identifiers that name nobody, by place and identifier (`userId undefined`), with the number of events that had
    /// them.
    pub blocked_identifiers: Vec<(String, u64)>,
    /// Identifiers that have stopped linking, by place and digest (`email 0f3c…`), with the number of events that named
    /// them since.
    pub shared_identifiers: Vec<(String, u64)>,
    /// Values that could not be used, by trait and reason (`tags nested`), with the number of events that had them.
    pub unusable_values: Vec<(String, u64)>,
    /// Deletes of persons without stored data.
    pub unmatched_deletes: u64,
}

/// What expires, in the order in which a sweep drops it: what comes first is needed by what follows.
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
    /// A part of the ledger in which all events are old, as a whole: the limit does not count. An engine that has none has
    /// nothing to do.
    Weeks,
    /// Message ids of an earlier version, whatever their age. Events that were looked at count.
    MessageIds,
    /// Rows of removed connections, whatever their age, if the process that removed one did not get to the end.
    RemovedConnections,
}

impl Expiring {
    /// All, in their order.
    pub const ALL: [Self; 7] = [
        Self::DeadLetters,
        Self::PlanItems,
        Self::Outcomes,
        Self::Attempts,
        Self::Weeks,
        Self::MessageIds,
        Self::RemovedConnections,
    ];

    /// Whether it is kept as long as dead letters are. Everything else is kept as long as outcomes are.
    #[must_use]
    pub const fn is_kept_with_dead_letters(self) -> bool {
        matches!(self, Self::DeadLetters | Self::PlanItems)
    }
}

/// What sweeps go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepClock {
    /// The time of day that counts.
    pub now: Timestamp,
    /// Until when sweeps have come: they drop what has expired by then. `None` before the first.
    pub swept: Option<Timestamp>,
}
