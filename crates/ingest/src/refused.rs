//! All refusals of the endpoint, with their status and text: only this module decides them.
//!
//! The texts are for a Segment customer, constant for each kind of fault, and contain nothing of the request.

use std::time::Duration;

use hyper::StatusCode;
use listener::HostError;
use segment::array::ArrayRefusal;
use segment::tracking::TrackingRefusal;

use crate::NoRoom;

/// The `Retry-After` of a 503. Segment does not document that it uses it; other senders may.
const COME_BACK: Duration = Duration::from_secs(10);

/// Why a request is not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{0}")]
    Host(#[from] HostError),
    #[error("no such path: send Segment events to POST /segment, or from client libraries below /v1")]
    NoSuchPath,
    #[error("this method is not accepted: send Segment events to POST /segment")]
    NotPost,
    #[error(
        "no such path below /v1: send events to /v1/batch, or each to the path of its type, such as /v1/identify; \
         a delete has to come from Segment, to POST /segment"
    )]
    NoSuchRoute,
    #[error("this method is not accepted: send events of client libraries with POST")]
    NotPostBelow,
    #[error(
        "the write key is missing: it has to be the user name of Basic authentication, or writeKey in the body"
    )]
    NoWriteKey,
    #[error("the write key is unknown: `connections show NAME` prints the right one")]
    UnknownWriteKey,
    #[error(
        "this path is for web pages and accepts the write key only, because an API key is a secret: \
         `connections show NAME` prints the write key"
    )]
    ApiKeyOnPage,
    #[error("the API key is missing: it has to be the user name of Basic authentication")]
    NoKey,
    #[error("the API key is unknown: check the API key in the settings of the destination")]
    UnknownKey,
    #[error("too many wrong API keys came from this address: try again later")]
    TooManyKeys { wait: Duration },
    #[error("too many new API keys came at the same time: try again later")]
    TooManyVerifications { wait: Duration },
    #[error("the signature is missing: enter the shared secret in the settings of the destination")]
    NoSignature,
    #[error("the signature is malformed: X-Signature has to be 40 hex digits, and nothing else, once")]
    MalformedSignature,
    #[error("the signature is wrong: check the shared secret in the settings of the destination")]
    WrongSignature,
    #[error("the API key cannot be checked now: try again later")]
    KeysUnavailable,
    #[error("the destination is not set up yet: try again later")]
    NotSetUp,
    #[error("too many requests from this address are under way: try again later")]
    TooManyRequests,
    #[error("the destination receives too much at the same time: try again later")]
    TooManyBodies,
    #[error("the event is larger than {limit} bytes: send less in one event")]
    TooLarge { limit: usize },
    #[error("the body of the request is larger than {limit} bytes: send fewer events at once")]
    BodyTooLarge { limit: usize },
    #[error("{0}")]
    Array(#[from] ArrayRefusal),
    #[error("the encoding of the request's body is not supported: send gzip, or plain JSON")]
    Encoding,
    #[error("the body of the request is compressed, which is not supported here: send plain JSON")]
    Compressed,
    #[error("the body of the request did not come in time: try again later")]
    BodyTooSlow,
    #[error("the body of the request broke off or is malformed")]
    BodyBroken,
    #[error("the body is not a JSON object: send one event in each request")]
    NotAnObject,
    #[error("{0}")]
    Event(#[from] segment::Refusal),
    #[error("{0}")]
    Tracking(#[from] TrackingRefusal),
    #[error("the destination is overloaded: try again later")]
    QueueFull,
    #[error("the destination cannot store events now: try again later")]
    QueueUnavailable,
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("the destination could not store the event in time: try again later")]
    TooLate,
}

impl Refused {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NoSuchRoute => StatusCode::NOT_FOUND,
            Self::NotPost | Self::NotPostBelow => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoKey
            | Self::UnknownKey
            | Self::NoWriteKey
            | Self::UnknownWriteKey
            | Self::ApiKeyOnPage => StatusCode::UNAUTHORIZED,
            Self::TooManyKeys { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NoSignature | Self::MalformedSignature | Self::WrongSignature => StatusCode::FORBIDDEN,
            Self::TooLarge { .. } | Self::BodyTooLarge { .. } | Self::Array(ArrayRefusal::TooManyEvents) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Encoding | Self::Compressed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Host(_)
            | Self::BodyBroken
            | Self::NotAnObject
            | Self::Array(ArrayRefusal::NotAnArray)
            | Self::Tracking(_) => StatusCode::BAD_REQUEST,
            Self::Event(refusal) => {
                StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::BAD_REQUEST)
            }
            // The network, or this machine, may have made a body slow. Segment discards an event that gets 408.
            Self::BodyTooSlow
            | Self::TooManyVerifications { .. }
            | Self::KeysUnavailable
            | Self::NotSetUp
            | Self::TooManyRequests
            | Self::TooManyBodies
            | Self::QueueFull
            | Self::QueueUnavailable
            | Self::NoRoom(_)
            | Self::TooLate => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The same refusal in words for the user of a client library.
    pub(crate) fn of_a_client_library(self) -> Self {
        match self {
            Self::NoSuchPath => Self::NoSuchRoute,
            Self::NotPost => Self::NotPostBelow,
            Self::NoKey => Self::NoWriteKey,
            Self::UnknownKey => Self::UnknownWriteKey,
            Self::TooLarge { limit } => Self::BodyTooLarge { limit },
            other => other,
        }
    }

    /// One word for the reason, for client libraries.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Host(_) => "invalid_host",
            Self::NoSuchPath | Self::NoSuchRoute => "not_found",
            Self::NotPost | Self::NotPostBelow => "method_not_allowed",
            Self::NoKey | Self::NoWriteKey => "no_key",
            Self::UnknownKey | Self::UnknownWriteKey | Self::ApiKeyOnPage => "unknown_key",
            Self::TooManyKeys { .. } => "too_many_wrong_keys",
            Self::TooLarge { .. } | Self::BodyTooLarge { .. } => "body_too_large",
            Self::Encoding | Self::Compressed => "unsupported_encoding",
            Self::BodyBroken | Self::Array(ArrayRefusal::NotAnArray) => "invalid_body",
            Self::Array(ArrayRefusal::TooManyEvents) => "too_many_events",
            Self::NoSignature | Self::MalformedSignature | Self::WrongSignature => "wrong_signature",
            Self::Event(_) | Self::NotAnObject => "invalid_event",
            Self::Tracking(refusal) => refusal.code(),
            Self::NotSetUp => "not_set_up",
            Self::KeysUnavailable
            | Self::TooManyVerifications { .. }
            | Self::TooManyRequests
            | Self::TooManyBodies
            | Self::BodyTooSlow
            | Self::QueueFull
            | Self::QueueUnavailable
            | Self::NoRoom(_)
            | Self::TooLate => "unavailable",
        }
    }

    /// The methods that are accepted, if the method is refused.
    pub(crate) fn allowed_methods(&self) -> Option<&'static str> {
        match self {
            // Segment's Webhooks (Actions) may use any of these.
            Self::NotPost => Some("POST, PUT, PATCH"),
            Self::NotPostBelow => Some("POST"),
            _ => None,
        }
    }

    /// The time after which the same request may be worth another try; `None` if it never is.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyKeys { wait } | Self::TooManyVerifications { wait } => Some(*wait),
            _ => (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(COME_BACK),
        }
    }
}
