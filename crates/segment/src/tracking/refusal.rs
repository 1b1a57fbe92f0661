//! Refusals of whole requests, with messages that the client libraries log.

use super::{MAX_EVENT_BYTES, MAX_EVENTS, MAX_MERGED_BYTES};

/// The reason why a request is refused: none of its events is accepted, and a retry would give the same result.
///
/// Each message contains nothing of the request but the number of an event.
#[derive(Debug, thiserror::Error)]
pub enum TrackingRefusal {
    /// Not JSON in UTF-8. A bare `NaN`, which Python writes for a missing number, is not JSON.
    #[error("the body is not valid JSON: NaN and Infinity are not allowed, and the text must be UTF-8")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but a list or a single value.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// No list under `batch`.
    #[error("the body has no list of events under `batch`")]
    NoBatch,
    /// More events than [`MAX_EVENTS`].
    #[error("the batch has more than {MAX_EVENTS} events: send fewer at once")]
    TooManyEvents,
    /// An event of more than [`MAX_EVENT_BYTES`] bytes.
    #[error("event {number} of the request has more than {MAX_EVENT_BYTES} bytes: send less in one event")]
    EventTooLarge {
        /// Its number, from 1.
        number: usize,
    },
    /// More than [`MAX_MERGED_BYTES`] bytes.
    #[error(
        "the events with the `context` of the batch have more than {MAX_MERGED_BYTES} bytes: send fewer at once"
    )]
    TooLargeTogether,
}

impl TrackingRefusal {
    /// One word for the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::NoBatch => "no_batch",
            Self::TooManyEvents => "too_many_events",
            Self::EventTooLarge { .. } => "event_too_large",
            Self::TooLargeTogether => "batch_too_large",
        }
    }
}
