//! Parts of answers and requests that several routes share.

use jiff::Timestamp;
use ledger::AttemptView;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::guard::Call;
use crate::api::mask;
use crate::api::problem::Problem;
use crate::operator::Subject;
use crate::operator::dead_letters::MAX_REASON_CHARS;
use crate::operator::events::EventRow;

/// The role of an operator.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is the shape of a word of the ledger's")]
pub(in crate::api) enum Role {
    Viewer,
    Operator,
    Admin,
}

/// The subject of a search. It is in the body, so that no address appears in the log of a proxy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct SubjectInput {
    /// A message id, an email address, a userId or an anonymousId.
    #[schema(min_length = 1, max_length = 1000)]
    pub(super) subject: String,
    /// Only of this connection.
    pub(super) connection: Option<String>,
}

/// The longest subject, in characters.
const MAX_SUBJECT: usize = 1_000;

/// The subject that a text names.
pub(super) fn subject(text: &str) -> Result<Subject, Problem> {
    if text.chars().count() > MAX_SUBJECT {
        return Err(Problem::invalid(format!("a subject has at most {MAX_SUBJECT} characters")));
    }
    text.parse().map_err(|why: &str| Problem::invalid(why))
}

/// A reason, which is kept for good.
pub(super) fn reason(reason: Option<String>) -> Result<Option<String>, Problem> {
    match reason.as_ref().map_or(0, |reason| reason.chars().count()) {
        long if long > MAX_REASON_CHARS => {
            Err(Problem::invalid(format!("a reason has at most {MAX_REASON_CHARS} characters")))
        }
        _ => Ok(reason),
    }
}

/// A selector of somebody's act, as the operator may see it.
pub(super) fn shown_selector(call: &Call, text: &str) -> String {
    match call.directory.is_limited() {
        true => mask::selector(text, |name| call.directory.id_of(name).is_ok()),
        false => text.to_owned(),
    }
}

/// A failed call.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Attempt {
    /// The time.
    at: Timestamp,
    /// Refersion's name of the operation.
    operation: String,
    /// The status of the answer.
    http_status: Option<u16>,
    /// The class of the failure.
    class: String,
    /// Refersion's message, without values of a person.
    message: String,
    /// The request, without values of a person; null for viewers, for calls before requests were kept, and after it was erased.
    #[schema(value_type = serde_json::Value)]
    request: Option<Box<RawValue>>,
}

/// Failed calls, masked if that is asked for.
pub(super) fn attempts(mut attempts: Vec<AttemptView>, is_masked: bool) -> Vec<Attempt> {
    if is_masked {
        mask::attempts(&mut attempts);
    }
    let attempt = |it: AttemptView| Attempt {
        at: it.at,
        operation: it.operation,
        http_status: it.http_status,
        class: it.class,
        message: it.message,
        request: it.request.filter(|_| !is_masked).and_then(|json| RawValue::from_string(json).ok()),
    };
    attempts.into_iter().map(attempt).collect()
}

/// An event and its outcome.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Event {
    /// Its id.
    event_id: uuid::Uuid,
    /// Segment's message id, while the event's payload is kept; null for viewers, because it may name a person.
    message_id: Option<String>,
    /// `identify`, `delete` or `unknown`.
    #[serde(rename = "type")]
    kind: String,
    /// The name of its connection.
    connection: String,
    /// When it was accepted.
    pub(super) received_at: Timestamp,
    /// `pending`, or its outcome.
    #[schema(value_type = String)]
    state: &'static str,
    /// The reason.
    reason: Option<String>,
    /// The code of the affiliate concerned.
    affiliate_code: Option<String>,
    /// The numeric id of the affiliate concerned.
    affiliate_id: Option<u64>,
    /// Failed calls, oldest first, at most the newest 100.
    attempts: Vec<Attempt>,
    /// The id of its dead letter, in any state.
    dead_letter_id: Option<i64>,
    /// The cause of its dead letter.
    cause: Option<String>,
    /// The condition that it waits for.
    waiting_for: Option<String>,
}

/// An event as it may be seen.
pub(super) fn event(row: EventRow, is_masked: bool) -> Event {
    Event {
        event_id: row.event_id,
        message_id: row.message_id.filter(|_| !is_masked),
        kind: row.kind,
        connection: row.connection,
        received_at: row.received_at,
        state: row.state,
        reason: row.reason,
        affiliate_code: row.affiliate_code,
        affiliate_id: row.affiliate_id,
        attempts: attempts(row.attempts, is_masked),
        dead_letter_id: row.dead_letter_id,
        cause: row.cause.map(|cause| if is_masked { mask::text(&cause) } else { cause }),
        waiting_for: row.waiting_for,
    }
}
