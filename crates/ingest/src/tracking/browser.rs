//! The answers that a browser needs before a web page may talk to another host.
//!
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>. Every page may do so: the write key determines the connection, and
//! no cookies are used.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, HeaderValue,
};
use hyper::{HeaderMap, StatusCode};

use crate::answer::Answer;

/// The answer to a preflight request.
pub(super) fn preflight() -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let allowed = HeaderValue::from_static("authorization, content-type, content-encoding, x-retry-count");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    // A day; browsers cap it.
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

/// Lets every page read an answer.
pub(super) fn open(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}
