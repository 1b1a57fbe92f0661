//! Writes answers: always JSON, with a `message` that Segment shows.

use hyper::body::Bytes;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::refused::Refused;
use crate::tracking::{self, Route};

/// An answer of the ingest endpoint.
pub(crate) type Answer = Response<http_body_util::Full<Bytes>>;

/// The paths of the endpoint, in words.
const HINT: &str = "send Segment events to POST /segment; Segment's client libraries post below /v1";

/// The event is durable.
pub(crate) fn accepted(event_id: Uuid) -> Answer {
    with_json(StatusCode::ACCEPTED, &json!({ "event_id": event_id }))
}

/// All events of an array are durable.
pub(crate) fn accepted_all(events: usize) -> Answer {
    with_json(StatusCode::ACCEPTED, &json!({ "accepted": events }))
}

/// For a person who opens the address in a browser.
pub(crate) fn hint() -> Answer {
    with_json(StatusCode::OK, &json!({ "message": HINT }))
}

/// The request is not accepted, in the form that belongs to its path.
pub(crate) fn to_path(path: &str, refused: Refused, close: bool) -> Answer {
    match Route::of(path) {
        Some(route) => route.refused(refused, close),
        None if tracking::is_below(path) => tracking::refused_below(refused, close),
        None => refused_with(&refused, &json!({ "message": refused.to_string() }), close),
    }
}

/// The request is not accepted; `body` explains that. `close`: the rest of the request is not read, so the connection has
/// to end.
pub(crate) fn refused_with(refused: &Refused, body: &Value, close: bool) -> Answer {
    let mut answer = with_json(refused.status(), body);
    let headers = answer.headers_mut();
    if let Some(wait) = refused.retry_after() {
        // Whole seconds, never less than one. https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Some(methods) = refused.allowed_methods() {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    if refused.status() == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"segment\""));
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// An answer with this body.
pub(crate) fn with_json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(body.to_string().into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
