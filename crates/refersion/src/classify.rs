//! The one place that says what a failed call means. Everything else acts on the [`Class`] that is decided here.
//!
//! | answer                                  | reading call      | writing call             |
//! | --------------------------------------- | ----------------- | ------------------------ |
//! | no connection                           | unavailable       | unavailable              |
//! | no answer, 408, any 5xx, unreadable 2xx | unavailable       | no answer                |
//! | 401, 403                                | credentials       | credentials              |
//! | 429, 413 about too long a list          | too many          | too many                 |
//! | any other 429                           | throttled         | throttled                |
//! | 422                                     | by its words      | by its words             |
//! | 204, 400, 404, anything else            | request           | request                  |
//!
//! A 403 while the keys work is about the request: "too many" for a list, which is then split, and else "request".
//!
//! 500 and 503 count as "no answer" for all writing calls, not for creates alone: that an edit took effect before the
//! server failed cannot be excluded either, and a value wrongly held for undelivered would never be told again if it
//! flipped back meanwhile. A value wrongly held for unknown costs one more entry in a batch.

use crate::answer;
use crate::texts::{self, Says};
use crate::{Answer, Class, Failure, Operation, TransportError};

/// A failure, with what the client itself still needs to know of it.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) failure: Failure,
    /// What the words of a 422 say.
    pub(crate) says: Option<Says>,
}

impl Problem {
    /// A failure without an answer.
    pub(crate) fn unanswered(operation: Operation, class: Class, message: impl Into<String>) -> Self {
        let failure =
            Failure { class, operation, http_status: None, message: message.into(), retry_after: None };
        Self { failure, says: None }
    }

    /// The keys are fine, as was found out since: something in this request is not. `items` is the length of the list that
    /// was sent; the halves of a longer one tell whose.
    pub(crate) fn blame_the_request(&mut self, items: usize) {
        self.failure.class = if items > 1 { Class::TooMany } else { Class::Request };
    }

    /// Whether Refersion says that there is no such affiliate.
    pub(crate) fn is_not_found(&self) -> bool {
        self.says == Some(Says::NotFound)
    }

    /// Whether the merchant's identifier of a create may be all that is wrong: it is named, or nothing is.
    pub(crate) fn may_be_the_merchant_id(&self) -> bool {
        match self.failure.http_status {
            Some(204) => true,
            Some(422) => matches!(self.says, None | Some(Says::MerchantId | Says::Value(None))),
            _ => false,
        }
    }
}

/// The meaning of a call without an answer.
pub(crate) fn unanswered(operation: Operation, error: &TransportError) -> Problem {
    let class = match error {
        TransportError::NotSent { .. } => Class::Unavailable,
        TransportError::NoAnswer { .. } => lost(operation),
        TransportError::Malformed { .. } => Class::Request,
    };
    Problem::unanswered(operation, class, error.to_string())
}

/// The meaning of a 2xx that is not the answer to this operation: a gateway's page, most likely.
pub(crate) fn unreadable(operation: Operation, answer: &Answer) -> Problem {
    problem(
        operation,
        answer,
        lost(operation),
        None,
        format!("an answer that cannot be read: {}", shown(answer)),
    )
}

/// The meaning of an answer other than a success. `items` is the length of the list that was sent.
pub(crate) fn refusal(operation: Operation, items: usize, answer: &Answer) -> Problem {
    let texts = answer::error_texts(&answer.body);
    let says = texts::read(&texts).filter(|_| matches!(answer.status, 413 | 422 | 429));
    let class = match answer.status {
        401 | 403 => Class::Credentials,
        408 | 500..=599 => lost(operation),
        413 => Class::TooMany,
        429 if says == Some(Says::TooMany) => Class::TooMany,
        429 => Class::Throttled,
        422 => says.map_or(Class::Request, |says| by_words(operation, says)),
        _ => Class::Request,
    };
    // A list of one cannot be split, so the caller would try for ever.
    let class = if class == Class::TooMany && items <= 1 { Class::Request } else { class };
    let message = match answer.status {
        204 => "204: a field of the request is unknown to refersion, or invalid".to_owned(),
        _ if texts.is_empty() => shown(answer),
        _ => texts.join("; "),
    };
    problem(operation, answer, class, says, message)
}

fn by_words(operation: Operation, says: Says) -> Class {
    use Operation::{Edit, New, Search, StatusChange};
    match (says, operation) {
        (Says::EmailTaken, New | Edit) => Class::EmailTaken,
        (Says::Value(field), New | Edit) => Class::Refused { field },
        (Says::Value(field @ Some(crate::Field::Email)), Search) => Class::Refused { field },
        (Says::Value(_), StatusChange) | (Says::NotFound, New | Edit | StatusChange) => {
            Class::Refused { field: None }
        }
        (Says::TooMany, _) => Class::TooMany,
        _ => Class::Request,
    }
}

fn lost(operation: Operation) -> Class {
    if operation.writes() { Class::NoAnswer } else { Class::Unavailable }
}

fn shown(answer: &Answer) -> String {
    if answer.body.is_empty() {
        return "an empty answer".to_owned();
    }
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn problem(
    operation: Operation,
    answer: &Answer,
    class: Class,
    says: Option<Says>,
    message: String,
) -> Problem {
    let (http_status, retry_after) = (Some(answer.status), answer.retry_after);
    Problem { failure: Failure { class, operation, http_status, message, retry_after }, says }
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
    fn statuses_mean_what_the_table_says() {
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
    fn a_lost_write_is_not_known_and_a_lost_read_is_repeated() {
        let lost = TransportError::NoAnswer { detail: "reset".into() };
        assert_eq!(unanswered(Operation::StatusChange, &lost).failure.class, Class::NoAnswer);
        assert_eq!(unanswered(Operation::Search, &lost).failure.class, Class::Unavailable);
        let answer = Answer { status: 200, retry_after: None, body: "<html>".into() };
        assert_eq!(unreadable(Operation::New, &answer).failure.class, Class::NoAnswer);
        assert_eq!(unreadable(Operation::Get, &answer).failure.class, Class::Unavailable);
    }

    #[test]
    fn a_call_that_found_no_connection_had_no_effect() {
        let error = TransportError::NotSent { detail: "refused".into() };
        assert_eq!(unanswered(Operation::New, &error).failure.class, Class::Unavailable);
    }
}
