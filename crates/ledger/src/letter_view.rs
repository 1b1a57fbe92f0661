//! Dead letters as an operator selects and reads them.

use connections::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Mender;

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
    /// Only those whose cause one of these can correct.
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

impl DeadLetterFilter {
    /// The open ones of a connection, or of all; without a limit.
    pub(crate) fn open(connection: Option<ConnectionId>) -> Self {
        Self {
            connections: connection.map(|connection| vec![connection]),
            states: Some(vec![DeadLetterState::Open]),
            limit: usize::MAX,
            ..Self::default()
        }
    }

    /// Whether it filters only by what is the same for all dead letters of a group in a state, so that counters show how many
    /// it picks.
    pub(crate) fn needs_only_groups(&self) -> bool {
        let Self { ids, audiences, text, died_from, died_before, after, .. } = self;
        let is_of_times = died_from.is_some() || died_before.is_some() || after.is_some();
        ids.is_none() && audiences.is_none() && text.is_none() && !is_of_times
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
    /// Who can correct its cause; `None` before it is classified.
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
