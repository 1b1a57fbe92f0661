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
        self.readable(answer::with_json(StatusCode::OK, &json!({ "success": true })))
    }

    /// The request is not accepted. `close`: as for [`answer::refused_with`].
    pub(crate) fn refused(self, refused: Refused, close: bool) -> Answer {
        let refused = refused.of_a_client_library();
        let body = json!({ "success": false, "code": refused.code(), "message": refused.to_string() });
        let mut answer = answer::refused_with(&refused, &body, close);
        if self.is_for_browsers {
            // The browser would ask the visitor for a password.
            answer.headers_mut().remove(WWW_AUTHENTICATE);
        }
        self.readable(answer)
    }

    /// A browser asks whether a page may post here.
    pub(crate) fn preflight(self) -> Answer {
        self.readable(browser::preflight())
    }

    fn readable(self, mut answer: Answer) -> Answer {
        if self.is_for_browsers {
            browser::open(answer.headers_mut());
        }
        answer
    }
}
