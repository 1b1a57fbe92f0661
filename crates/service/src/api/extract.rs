//! Extractors for handlers: the body, the query and a part of the path. Unreadable input is answered with a problem document.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::guard::read_body;
use super::problem::Problem;

/// A JSON body.
pub(super) struct Input<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = request.headers().get(hyper::header::CONTENT_TYPE).is_some_and(|kind| {
            kind.to_str()
                .is_ok_and(|kind| kind.split(';').next().unwrap_or_default().trim() == "application/json")
        });
        if !is_json {
            let detail = "the Content-Type is not application/json";
            return Err(Problem::new(
                hyper::StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                detail,
                "send `content-type: application/json`",
            ));
        }
        let body = read_body(request.into_body()).await?;
        let read = serde_json::from_slice(&body);
        read.map(Self).map_err(|error| Problem::malformed(format!("the body cannot be read: {error}")))
    }
}

/// The query.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::from_request_parts(parts, state).await;
        let Query(params) = read.map_err(|error: QueryRejection| Problem::malformed(error.body_text()))?;
        Ok(Self(params))
    }
}

/// A part of the path.
pub(super) struct Part<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Part<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::from_request_parts(parts, state).await;
        let Path(part) = read.map_err(|error: PathRejection| Problem::malformed(error.body_text()))?;
        Ok(Self(part))
    }
}

/// Entries of a page: 1 to 1,000, by default 100.
pub(super) fn page(limit: Option<u32>) -> Result<usize, Problem> {
    match limit.unwrap_or(100) {
        limit @ 1..=1_000 => Ok(limit as usize),
        limit => Err(Problem::invalid(format!("a page has 1 to 1000 entries, not {limit}"))),
    }
}

/// Shortens the entries to one page. Returns the cursor of the next page if there were more entries.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: usize, place: impl Fn(&T) -> String) -> Option<String> {
    let is_last = rows.len() <= limit;
    rows.truncate(limit);
    rows.last().filter(|_| !is_last).map(place)
}
