//! Why an event is not taken, in words that a Segment customer sees in the debugger of the destination.

/// Why the reader refuses an event. No try of Segment's could end otherwise, so none of these asks for a retry.
///
/// The text of each is always the same and has nothing of the event in it: Segment groups failures by it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not JSON: broken syntax, a bare `NaN`, a number beyond a double, not UTF-8, a byte order mark, or nested deeper
    /// than 127 levels.
    #[error("the body is not valid JSON: send one event as a JSON object in UTF-8")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but a list or a bare value.
    #[error("the body is not a JSON object: send one event in each request")]
    NotAnObject,
    /// Neither `type` nor `action` says what the event is.
    #[error("the event has no type: this destination takes identify and delete")]
    NoType,
    /// A type that this destination does not take: one of Segment's other types, or `other`.
    #[error("events of type {0} are not supported: this destination takes identify and delete")]
    UnsupportedType(&'static str),
    /// An identify without userId, address and anonymousId.
    #[error("the identify names nobody: it needs a userId, an email or an anonymousId")]
    IdentifyNamesNobody,
    /// A delete without userId, address and anonymousId.
    #[error("the delete names nobody: it needs a userId, an email or an anonymousId")]
    DeleteNamesNobody,
}

impl Refusal {
    /// What to tell the customer, for the `message` of the answer's body.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// 501 for a type that is not supported, 400 for everything else: Segment retries neither.
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
