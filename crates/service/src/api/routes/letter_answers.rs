//! Dead letters and their groups, as the API shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ledger::DeadLetterView;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::guard::Call;
use crate::api::mask;
use crate::operator::dead_letters::GroupRow;
use crate::operator::events::message_id_in;

/// A dead letter.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct DeadLetter {
    /// Its id.
    id: i64,
    /// Its event.
    event_id: Uuid,
    /// Segment's message id; null once it is erased, and for viewers, because it may name a person.
    message_id: Option<String>,
    /// The name of the connection.
    connection: String,
    /// The class of the failure.
    class: String,
    /// The cause; for viewers without quoted words and words with digits or an `@`.
    cause: String,
    /// The HTTP status of Refersion's answer.
    http_status: Option<u16>,
    /// The field that Refersion refused.
    field: Option<String>,
    /// The audience or computed trait that Engage synced with it.
    audience: Option<String>,
    /// The key of its group; null before it is classified.
    group: Option<String>,
    /// `data`, `settings`, `refersion` or `us`: where its cause can be fixed; null before it is classified.
    #[schema(value_type = Option<String>)]
    mend: Option<&'static str>,
    /// `open`, `replaying`, `resolved` or `discarded`.
    #[schema(value_type = String)]
    state: &'static str,
    /// The newest revision of its event; 0 is the event as it arrived.
    revision: u32,
    /// When it was discarded.
    discarded_at: Option<Timestamp>,
    /// The reason for which it was discarded.
    discarded_because: Option<String>,
    /// The time until which it can be restored.
    restorable_until: Option<Timestamp>,
    /// The newer event that delivered its value.
    resolved_by: Option<Uuid>,
    /// Number of attempts.
    attempts: u32,
    /// Number of times that its value was stated again.
    repeats: u64,
    /// When it died.
    died_at: Timestamp,
    /// When its event was accepted.
    received_at: Timestamp,
}

/// Dead letters of one connection with the same cause.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct DeadLetterGroup {
    /// Its key; empty for those that are not classified yet.
    group: String,
    /// `data`, `settings`, `refersion` or `us`: where the cause can be fixed.
    #[schema(value_type = String)]
    mend: &'static str,
    /// The name of the connection.
    connection: String,
    /// The class of the failure.
    class: String,
    /// The HTTP status of Refersion's answer.
    http_status: Option<u16>,
    /// The field that Refersion refused.
    field: Option<String>,
    /// The cause, without the parts that differ between persons.
    cause: String,
    /// Dead letters in the states of the selector; without a state, the open ones.
    pub(super) count: u64,
    /// Persons with open dead letters of it.
    people: u64,
    /// When the first died.
    first_at: Timestamp,
    /// When the last died.
    last_at: Timestamp,
    /// Dead letters by state, regardless of the selector.
    states: BTreeMap<String, u64>,
    /// Dead letters of each of the last 24 hours, the current hour last.
    hours: Vec<u64>,
    /// The id of the newest.
    sample: i64,
    /// The note of an operator.
    note: Option<String>,
}

/// A dead letter as it may be seen.
pub(super) fn letter(call: &Call, view: DeadLetterView) -> DeadLetter {
    let is_masked = call.is_masked();
    let message_id = view.payload.as_ref().filter(|_| !is_masked);
    DeadLetter {
        id: view.id,
        event_id: view.event,
        message_id: message_id.and_then(|payload| message_id_in(payload, view.received_at)),
        connection: call.directory.name(view.connection),
        class: view.class,
        cause: if is_masked { mask::text(&view.cause) } else { view.cause },
        http_status: view.http_status,
        field: view.field,
        audience: view.audience,
        group: view.group,
        mend: view.mender.map(ledger::Mender::word),
        state: view.state.word(),
        revision: view.revision,
        discarded_at: view.discarded.as_ref().map(|it| it.at),
        restorable_until: view.discarded.as_ref().and_then(|it| it.kept_until),
        discarded_because: view.discarded.and_then(|it| it.reason),
        resolved_by: view.resolved_by,
        attempts: view.attempts,
        repeats: view.repeats,
        died_at: view.died_at,
        received_at: view.received_at,
    }
}

/// A group as it may be seen.
pub(super) fn group(row: GroupRow, is_masked: bool) -> DeadLetterGroup {
    DeadLetterGroup {
        group: row.group,
        mend: row.mend.word(),
        connection: row.connection,
        class: row.class,
        http_status: row.http_status,
        field: row.field,
        cause: if is_masked { mask::text(&row.cause) } else { row.cause },
        count: row.count,
        people: row.people,
        first_at: row.first_at,
        last_at: row.last_at,
        states: row.states.into_iter().map(|(state, count)| (state.word().to_owned(), count)).collect(),
        hours: row.hours,
        sample: row.sample,
        note: row.note,
    }
}

/// The event as it came, or with its values masked. What was no JSON is shown as a text.
pub(super) fn payload(text: String, is_masked: bool) -> Box<RawValue> {
    let text = match is_masked {
        true => {
            let value = serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
            mask::json(value).to_string()
        }
        false => text,
    };
    let quoted = serde_json::Value::from(text.as_str()).to_string();
    RawValue::from_string(text)
        .or_else(|_| RawValue::from_string(quoted))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}
