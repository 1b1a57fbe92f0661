//! What an operator reads.

use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Mender, State};

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

/// What an operator decided about a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterState {
    /// Nobody has looked at it.
    Open,
    /// It was re-admitted and has not ended yet.
    Replaying,
    /// It was delivered after all.
    Resolved,
    /// It will not be tried again; also where a delete erased it.
    Discarded,
}

impl DeadLetterState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Replaying, Self::Resolved, Self::Discarded];

    /// Its fixed word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replaying => "replaying",
            Self::Resolved => "resolved",
            Self::Discarded => "discarded",
        }
    }
}

/// Which dead letters: all that every field that is given leaves in. A [`Selector`](crate::Selector) makes one.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// Only of these connections.
    pub connections: Option<Vec<ConnectionId>>,
    /// Only in these states.
    pub states: Option<Vec<DeadLetterState>>,
    /// Only of these classes.
    pub classes: Option<Vec<String>>,
    /// Only those with these ids.
    pub ids: Option<Vec<i64>>,
    /// Only after answers with these statuses.
    pub http_statuses: Option<Vec<u16>>,
    /// Only those of which one of these fields was refused.
    pub fields: Option<Vec<String>>,
    /// Only those of these audiences and computed traits.
    pub audiences: Option<Vec<String>>,
    /// Only those of these groups, by key.
    pub groups: Option<Vec<String>>,
    /// Only those whose cause one of these can mend.
    pub menders: Option<Vec<Mender>>,
    /// Only those whose cause contains this, whatever the case of ASCII letters.
    pub text: Option<String>,
    /// Only those that died then or later.
    pub died_from: Option<Timestamp>,
    /// Only those that died earlier.
    pub died_before: Option<Timestamp>,
    /// Only those that a list has after this one, by its time of death and its id: the next page.
    pub after: Option<(Timestamp, i64)>,
    /// Upper limit of entries.
    pub limit: usize,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct DeadLetterView {
    /// Its row id.
    pub id: i64,
    /// The event.
    pub event: Uuid,
    /// Its connection.
    pub connection: ConnectionId,
    /// The failure's class.
    pub class: String,
    /// The cause in words.
    pub cause: String,
    /// The status of Refersion's answer.
    pub http_status: Option<u16>,
    /// The refused field.
    pub field: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// How often its refused value was stated again, by events that did not die of it.
    pub repeats: u64,
    /// When it died.
    pub died_at: Timestamp,
    /// What an operator decided.
    pub state: DeadLetterState,
    /// The raw JSON, unless a delete erased it.
    pub payload: Option<String>,
    /// When the ingest endpoint accepted it.
    pub received_at: Timestamp,
    /// The key of the audience or computed trait that Engage synced with it.
    pub audience: Option<String>,
    /// The key of its group; `None` before it is classified.
    pub group: Option<String>,
    /// Who can mend its cause; `None` before it is classified.
    pub mender: Option<Mender>,
    /// When and why an operator discarded it.
    pub discarded: Option<Discarded>,
    /// The newer event with which Refersion got what it states; `None` where its own replay did.
    pub resolved_by: Option<Uuid>,
}

/// When and why an operator discarded a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discarded {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// Until when it can be restored, unless a delete erases it; `None` once its payload is dropped.
    pub kept_until: Option<Timestamp>,
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
    /// Events that said more unmapped traits than are counted by name: if there are any, the counts above are a sample.
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

/// What [`crate::Housekeeping::expire`] dropped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expired {
    /// Outcomes.
    pub outcomes: usize,
    /// Attempts.
    pub attempts: usize,
    /// Dead letters.
    pub dead_letters: usize,
    /// Items of finished plans.
    pub plan_items: usize,
    /// Events that were looked at for a message id of an earlier version.
    pub message_ids: usize,
}

/// What sweeps go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepClock {
    /// The time of day that counts.
    pub now: Timestamp,
    /// Until when sweeps have come: they drop what has expired by then. `None` before the first.
    pub swept: Option<Timestamp>,
}
