//! A dead letter as people and scripts see it.

use jiff::Timestamp;
use ledger::{DeadLetterState, DeadLetterView, Discarded, Mender};
use serde::Serialize;
use service::operator::Directory;
use service::operator::events::message_id_in;
use uuid::Uuid;

/// A dead letter. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) id: i64,
    event_id: Uuid,
    pub(super) message_id: Option<String>,
    pub(super) connection: String,
    pub(super) class: String,
    pub(super) cause: String,
    pub(super) http_status: Option<u16>,
    pub(super) field: Option<String>,
    audience: Option<String>,
    group: Option<String>,
    mend: Option<Mender>,
    /// The newest revision of its event: 0 is the event as it arrived.
    pub(super) revision: u32,
    discarded: Option<Discarded>,
    resolved_by: Option<Uuid>,
    pub(super) attempts: u32,
    repeats: u64,
    pub(super) died_at: Timestamp,
    received_at: Timestamp,
    pub(super) state: DeadLetterState,
}

impl Row {
    /// Each field in words, for people.
    pub(super) fn lines(&self) -> Vec<Vec<String>> {
        let mut lines = self.fields();
        if let Some(discarded) = &self.discarded {
            let reason = discarded.reason.as_deref().unwrap_or("no reason was given");
            lines.push(vec!["discarded".to_owned(), format!("{}, {reason}", discarded.at)]);
            let until =
                discarded.kept_until.map_or_else(|| "no longer".to_owned(), |at| format!("until {at}"));
            lines.push(vec!["can be restored".to_owned(), until]);
        }
        if let Some(newer) = self.resolved_by {
            lines.push(vec!["resolved by".to_owned(), format!("event {newer}")]);
        }
        lines
    }

    /// The state, and whether the event has been repaired.
    pub(super) fn state_in_words(&self) -> String {
        match self.revision {
            0 => self.state.word().to_owned(),
            _ => format!("{}, repaired", self.state.word()),
        }
    }

    fn fields(&self) -> Vec<Vec<String>> {
        let line = |name: &str, value: String| vec![name.to_owned(), value];
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            line("id", self.id.to_string()),
            line("event", self.event_id.to_string()),
            line("message", text(&self.message_id)),
            line("connection", self.connection.clone()),
            line("received", self.received_at.to_string()),
            line("died", self.died_at.to_string()),
            line("state", self.state_in_words()),
            line("class", self.class.clone()),
            line("cause", self.cause.clone()),
            line("field", text(&self.field)),
            line("audience", text(&self.audience)),
            line("group", text(&self.group)),
            line("can be corrected by", self.mend.map(|mender| mender.word().to_owned()).unwrap_or_default()),
            line("http status", self.http_status.map(|status| status.to_string()).unwrap_or_default()),
            line("attempts", self.attempts.to_string()),
            line("repeats", self.repeats.to_string()),
        ]
    }

    pub(super) fn of(view: DeadLetterView, directory: &Directory) -> Self {
        Self {
            id: view.id,
            event_id: view.event,
            message_id: view.payload.and_then(|payload| message_id_in(&payload, view.received_at)),
            connection: directory.name(view.connection),
            class: view.class,
            cause: view.cause,
            http_status: view.http_status,
            field: view.field,
            audience: view.audience,
            group: view.group,
            mend: view.mender,
            revision: view.revision,
            discarded: view.discarded,
            resolved_by: view.resolved_by,
            attempts: view.attempts,
            repeats: view.repeats,
            died_at: view.died_at,
            received_at: view.received_at,
            state: view.state,
        }
    }
}
