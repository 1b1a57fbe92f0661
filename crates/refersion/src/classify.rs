//! Classification of failed calls. All other code acts on the [`Class`] that is assigned here.
//!
//! | answer                                  | reading call      | writing call             |
//! | --------------------------------------- | ----------------- | ------------------------ |
//! | no connection                           | unavailable       | unavailable              |
//! | no answer, 408, any 5xx, unreadable 2xx | unavailable       | no answer                |
//! | 401, 403                                | credentials       | credentials              |
//! | 429, 413 about too long a list          | too many          | too many                 |
//! | any other 429                           | throttled         | throttled                |
//! | 422                                     | by its text       | by its text              |
//! | 204, 400, 404, anything else            | request           | request                  |
//!
//! A 403 while the keys are accepted concerns the request: "too many" for a list, which is then split, otherwise
//! "request".
//!
//! 500 and 503 count as "no answer" for all writing calls, not for creates alone: an edit, too, may have had an
//! effect before the server failed. A value that is wrongly taken for undelivered would never be sent again if it
//! changed back in the meantime. A value that is wrongly taken for unknown costs one more item in a batch.

use crate::answer;
use crate::error_kind::{self, ErrorKind};
use crate::{Answer, Class, Failure, Field, Operation, TransportError};

/// A failure with details that only the client needs.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) failure: Failure,
    /// The meaning of the error texts, if the status has any.
    pub(crate) kind: Option<ErrorKind>,
}

impl Problem {
    /// A failure without an answer.
    pub(crate) fn unanswered(operation: Operation, class: Class, message: impl Into<String>) -> Self {
        let failure =
            Failure { class, operation, http_status: None, message: message.into(), retry_after: None };
        Self { failure, kind: None }
    }

    /// Attributes a 403 to the request, after a second call has shown that the keys are accepted. `items` is the
    /// length of the list that was sent; a list of several can be split to find the cause.
    pub(crate) fn attribute_to_request(&mut self, items: usize) {
        self.failure.class = if items > 1 { Class::TooMany } else { Class::Request };
    }

    /// Whether Refersion answered that there is no such affiliate.
    pub(crate) fn is_not_found(&self) -> bool {
        self.kind == Some(ErrorKind::NotFound)
    }

    /// Whether the merchant's identifier may be the only cause of a failed create: the answer names it, or no field.
    pub(crate) fn may_concern_merchant_id(&self) -> bool {
        match self.failure.http_status {
            Some(204) => true,
            Some(422) => {
                matches!(self.kind, None | Some(ErrorKind::MerchantId | ErrorKind::InvalidValue(None)))
            }
            _ => false,
        }
    }
}

/// Classifies a call without an answer.
pub(crate) fn unanswered(operation: Operation, error: &TransportError) -> Problem {
    let class = match error {
        TransportError::NotSent { .. } => Class::Unavailable,
        TransportError::NoAnswer { .. } => unknown_outcome(operation),
        TransportError::Malformed { .. } => Class::Request,
    };
    Problem::unanswered(operation, class, error.to_string())
}

/// Classifies a 2xx that is not an answer to this operation, most likely a gateway's page.
pub(crate) fn unreadable(operation: Operation, answer: &Answer) -> Problem {
    let message = format!("the answer cannot be read: {}", body_text(answer));
    problem(operation, answer, unknown_outcome(operation), None, message)
}

/// Classifies an answer other than a success. `items` is the length of the list that was sent.
pub(crate) fn refusal(operation: Operation, items: usize, answer: &Answer) -> Problem {
    let texts = answer::error_texts(&answer.body);
    let kind = error_kind::read(&texts).filter(|_| matches!(answer.status, 413 | 422 | 429));
    let class = match answer.status {
        401 | 403 => Class::Credentials,
        408 | 500..=599 => unknown_outcome(operation),
        413 => Class::TooMany,
        429 if kind == Some(ErrorKind::TooMany) => Class::TooMany,
        429 => Class::Throttled,
        422 => kind.map_or(Class::Request, |kind| of_kind(operation, kind)),
        _ => Class::Request,
    };
    // A list of one cannot be split: the caller would retry for ever.
    let class = if class == Class::TooMany && items <= 1 { Class::Request } else { class };
    let message = match answer.status {
        204 => "204: a field of the request is unknown to refersion, or invalid".to_owned(),
        _ if texts.is_empty() => body_text(answer),
        _ => texts.join("; "),
    };
    problem(operation, answer, class, kind, message)
}

fn of_kind(operation: Operation, kind: ErrorKind) -> Class {
    use Operation::{Edit, New, Search, StatusChange};
    match (kind, operation) {
        (ErrorKind::EmailTaken, New | Edit) => Class::EmailTaken,
        (ErrorKind::InvalidValue(field), New | Edit) => Class::Refused { field },
        (ErrorKind::InvalidValue(field @ Some(Field::Email)), Search) => Class::Refused { field },
        (ErrorKind::InvalidValue(_), StatusChange) | (ErrorKind::NotFound, New | Edit | StatusChange) => {
            Class::Refused { field: None }
        }
        (ErrorKind::TooMany, _) => Class::TooMany,
        _ => Class::Request,
    }
}

/// The class of a call whose outcome is unknown; a reading call has no effect that matters.
fn unknown_outcome(operation: Operation) -> Class {
    if operation.writes() { Class::NoAnswer } else { Class::Unavailable }
}

fn body_text(answer: &Answer) -> String {
    if answer.body.is_empty() {
        return "an empty answer".to_owned();
    }
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn problem(
    operation: Operation,
    answer: &Answer,
    class: Class,
    kind: Option<ErrorKind>,
    message: String,
) -> Problem {
    let (http_status, retry_after) = (Some(answer.status), answer.retry_after);
    Problem { failure: Failure { class, operation, http_status, message, retry_after }, kind }
}

#[cfg(test)]
mod tests {
    use super::{refusal, unanswered, unreadable};
    use crate::{Answer, Class, Field, Operation, TransportError};

    fn class(operation: Operation, items: usize, status: u16, body: &str) -> Class {
        let answer = Answer { status, retry_after: None, body: body.into() };
        refusal(operation, items, &answer).failure.class
    }

    #[test]
    fn each_status_has_the_class_of_the_table() {
        use Operation::{Edit, Get, List, New};
        let html = "<html>502 Bad Gateway</html>";
        for (operation, items, status, body, expected) in [
            (New, 1, 204, "", Class::Request),
            (Edit, 50, 400, r#"{"error":"Missing required field X"}"#, Class::Request),
            (List, 1, 401, r#"{"error":"Invalid API credentials (error 2)."}"#, Class::Credentials),
            (New, 1, 403, r#"{"message":"Forbidden"}"#, Class::Credentials),
            (Edit, 1, 404, r#"{"error":["Bad request, no body","Offer does not exists"]}"#, Class::Request),
            (Edit, 50, 413, r#"{"message":"Request Too Long"}"#, Class::TooMany),
            (New, 1, 413, "", Class::Request),
            (
                Edit,
                51,
                429,
                r#"{"error":"Max number of elements on attribute (50) reached."}"#,
                Class::TooMany,
            ),
            (
                Edit,
                1,
                429,
                r#"{"error":"Max number of elements on attribute (50) reached."}"#,
                Class::Request,
            ),
            (Edit, 50, 429, r#"{"message":"Too Many Requests"}"#, Class::Throttled),
            (Edit, 50, 429, html, Class::Throttled),
            (Get, 1, 500, "", Class::Unavailable),
            (Get, 1, 504, html, Class::Unavailable),
            (New, 1, 500, "", Class::NoAnswer),
            (New, 1, 503, "", Class::NoAnswer),
            (Edit, 1, 502, html, Class::NoAnswer),
            (Edit, 1, 302, "", Class::Request),
            (New, 1, 422, "", Class::Request),
            (
                New,
                1,
                422,
                r#"{"errors":["The Phone is wrong"]}"#,
                Class::Refused { field: Some(Field::Phone) },
            ),
            (Get, 1, 422, r#"{"errors":["Request filter not provided."]}"#, Class::Request),
        ] {
            assert_eq!(class(operation, items, status, body), expected, "{operation} {status} {body}");
        }
    }

    #[test]
    fn a_lost_write_has_an_unknown_outcome_and_a_lost_read_is_retried() {
        let lost = TransportError::NoAnswer { detail: "reset".into() };
        assert_eq!(unanswered(Operation::StatusChange, &lost).failure.class, Class::NoAnswer);
        assert_eq!(unanswered(Operation::Search, &lost).failure.class, Class::Unavailable);
        let answer = Answer { status: 200, retry_after: None, body: "<html>".into() };
        assert_eq!(unreadable(Operation::New, &answer).failure.class, Class::NoAnswer);
        assert_eq!(unreadable(Operation::Get, &answer).failure.class, Class::Unavailable);
    }

    #[test]
    fn a_call_without_a_connection_had_no_effect() {
        let error = TransportError::NotSent { detail: "refused".into() };
        assert_eq!(unanswered(Operation::New, &error).failure.class, Class::Unavailable);
    }
}
