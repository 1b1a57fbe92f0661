//! Dead letters as an operator selects and reads them.

use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Mender;

/// The state of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterState {
    /// No operator has decided about it.
    Open,
    /// It is being replayed, and its event has not ended yet.
    Replaying,
    /// Its event was delivered later.
    Resolved,
    /// It will not be retried, or a delete erased it.
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

/// A filter for dead letters: a dead letter has to match every field that is set. A [`Selector`](crate::Selector) makes one.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// Only dead letters of these connections.
    pub connections: Option<Vec<ConnectionId>>,
    /// Only dead letters in these states.
    pub states: Option<Vec<DeadLetterState>>,
    /// Only dead letters of these classes.
    pub classes: Option<Vec<String>>,
    /// Only dead letters with these ids.
    pub ids: Option<Vec<i64>>,
    /// Only dead letters after answers with these HTTP statuses.
    pub http_statuses: Option<Vec<u16>>,
    /// Only dead letters with one of these refused fields.
    pub fields: Option<Vec<String>>,
    /// Only dead letters of these audiences and computed traits.
    pub audiences: Option<Vec<String>>,
    /// Only dead letters of the groups with these keys.
    pub groups: Option<Vec<String>>,
    /// Only dead letters whose cause can be corrected in one of these places.
    pub menders: Option<Vec<Mender>>,
    /// Only dead letters with a repaired event, or only those without.
    pub repaired: Option<bool>,
    /// Only dead letters whose cause contains this text; the case of ASCII letters is ignored.
    pub text: Option<String>,
    /// Only dead letters that died at this time or later.
    pub died_from: Option<Timestamp>,
    /// Only dead letters that died before this time.
    pub died_before: Option<Timestamp>,
    /// Only dead letters after this one in the list, by its time of death and its id: the next page.
    pub after: Option<(Timestamp, i64)>,
    /// Maximum number of dead letters.
    pub limit: usize,
}

impl DeadLetterFilter {
    /// The open dead letters of one connection, or of all; without a limit.
    pub(crate) fn open(connection: Option<ConnectionId>) -> Self {
        Self {
            connections: connection.map(|connection| vec![connection]),
            states: Some(vec![DeadLetterState::Open]),
            limit: usize::MAX,
            ..Self::default()
        }
    }

    /// Whether it filters only by properties that all dead letters of a group in a state share, so that counters can give the number of
    /// matches.
    pub(crate) fn needs_only_groups(&self) -> bool {
        let Self { ids, audiences, repaired, text, died_from, died_before, after, .. } = self;
        let is_of_times = died_from.is_some() || died_before.is_some() || after.is_some();
        let is_of_one = ids.is_some() || audiences.is_some() || repaired.is_some() || text.is_some();
        !is_of_one && !is_of_times
    }
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
    /// The text of the cause.
    pub cause: String,
    /// The status of Refersion's answer.
    pub http_status: Option<u16>,
    /// The refused field.
    pub field: Option<String>,
    /// The number of attempts.
    pub attempts: u32,
    /// The number of later events that stated its refused value again, and did not become dead letters.
    pub repeats: u64,
    /// When it died.
    pub died_at: Timestamp,
    /// Its state.
    pub state: DeadLetterState,
    /// The raw JSON, unless a delete erased it.
    pub payload: Option<String>,
    /// When the ingest endpoint accepted it.
    pub received_at: Timestamp,
    /// The key of the audience or computed trait that Engage synced with it.
    pub audience: Option<String>,
    /// The key of its group; `None` before it is classified.
    pub group: Option<String>,
    /// Where its cause can be corrected; `None` before it is classified.
    pub mender: Option<Mender>,
    /// Its newest revision: 0 is the event as it arrived.
    pub revision: u32,
    /// When and why an operator discarded it.
    pub discarded: Option<Discarded>,
    /// The newer event that delivered the same values to Refersion; `None` if its own replay did.
    pub resolved_by: Option<Uuid>,
}

/// When and why an operator discarded a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discarded {
    /// The time.
    pub at: Timestamp,
    /// The reason.
    pub reason: Option<String>,
    /// The time until which it can be restored, unless a delete erases it; `None` once its payload is deleted.
    pub kept_until: Option<Timestamp>,
}
