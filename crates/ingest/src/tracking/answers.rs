//! The answers of the Tracking API.

use hyper::StatusCode;
use hyper::header::WWW_AUTHENTICATE;
use serde_json::json;

use super::Route;
use super::browser;
use crate::answer::{self, Answer};
use crate::refused::Refused;

impl Route {
    /// All events of the request are durable.
    pub(super) fn accepted(self) -> Answer {
        readable(answer::with_json(StatusCode::OK, &json!({ "success": true })))
    }

    /// The request is not accepted. `close`: as for [`answer::refused_with`].
    pub(crate) fn refused(self, refused: Refused, close: bool) -> Answer {
        let mut answer = refused_below(refused, close);
        if self.is_for_browsers {
            // The browser would ask the visitor for a password.
            answer.headers_mut().remove(WWW_AUTHENTICATE);
        }
        answer
    }
}

/// A request to any path below `/v1/` is not accepted. `close`: as for [`answer::refused_with`].
pub(crate) fn refused_below(refused: Refused, close: bool) -> Answer {
    let refused = refused.of_a_client_library();
    let body = json!({ "success": false, "code": refused.code(), "message": refused.to_string() });
    readable(answer::refused_with(&refused, &body, close))
}

/// Answers a browser that asks whether a page may post to a path below `/v1/`. The answer to the request itself, which the
/// page may read, shows whether there is such a path.
pub(crate) fn preflight() -> Answer {
    readable(browser::preflight())
}

fn readable(mut answer: Answer) -> Answer {
    browser::open(answer.headers_mut());
    answer
}
