//! Refusals of events, with messages that Segment customers see in the debugger of the destination.

/// The reason why the reader refuses an event. A retry would give the same result, so none is requested.
///
/// Each message is constant and contains nothing of the event: Segment groups failures by it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not JSON: a syntax error, a bare `NaN`, not UTF-8, a byte order mark,
    /// or more than 127 levels.
    #[error(
        "the event is not valid JSON: send it as a JSON object in UTF-8, nested no more than 127 levels deep"
    )]
    NotJson(#[source] serde_json::Error),
    /// JSON, but a list or a single value, among the items of an array or a batch.
    #[error("the item is not a JSON object: send each event as one")]
    NotAnObject,
    /// Neither `type` nor `action` is present.
    #[error("the event has no type: this destination accepts identify and delete")]
    NoType,
    /// A type that this destination does not accept: one of Segment's other types, or `other`.
    #[error("events of type {0} are not supported: this destination accepts identify and delete")]
    UnsupportedType(&'static str),
    /// An identify without userId, address and anonymousId.
    #[error("the identify has no identifier: send a userId, an email or an anonymousId")]
    IdentifyNamesNobody,
    /// A delete without userId, address and anonymousId.
    #[error("the delete has no identifier: send a userId, an email or an anonymousId")]
    DeleteNamesNobody,
    /// A delete from a client library, whose key may be known to anybody.
    #[error("a delete from a client library is not applied: an operator can apply it with `forget`")]
    UntrustedDelete,
    /// The stored part of an event that was too long, see [`shortened`](crate::shortened()).
    #[error("the event is too long, so that only its beginning is kept: send less in one event")]
    TooLong,
}

impl Refusal {
    /// The message for the customer, for the body of the answer.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The type of the event: one of Segment's, `other`, or `unknown` if the event was refused before its type was read.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnsupportedType(kind) => kind,
            Self::IdentifyNamesNobody => "identify",
            Self::DeleteNamesNobody | Self::UntrustedDelete => "delete",
            Self::NotJson(_) | Self::NotAnObject | Self::NoType | Self::TooLong => "unknown",
        }
    }

    /// The HTTP status: 501 for an unsupported type, otherwise 400. Segment retries neither.
    ///
    /// Source: Segment's direct destination page, "Responses".
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::UnsupportedType(_) => 501,
            _ => 400,
        }
    }
}
