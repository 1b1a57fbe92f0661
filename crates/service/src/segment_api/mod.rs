//! Segment's figures of an audience, by its Public API: `GET /spaces/{spaceId}/audiences/{id}`.
//!
//! Source: Segment Public API, `docs.segmentapis.com` (SDK 73.2.0). 100 requests a minute are allowed; answers are kept for one
//! ([`SegmentApi::audience_of`]).
//! The token goes to the configured address alone: redirects are not followed.

mod kept;

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::config::Segment;
pub use kept::Asked;

/// How long one answer may take, to its last byte.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Upper limit of an answer that is read, in bytes. A real one has about 2 KB.
const ANSWER_BYTES: usize = 256 * 1024;
/// Upper limit of a token's file, in bytes.
const TOKEN_BYTES: u64 = 4 * 1024;
/// Segment's words are cut to this length, in characters.
const WORD_CHARS: usize = 40;

/// Wait after too many requests, in seconds, if the answer names none: Segment counts requests by the minute.
const DEFAULT_WAIT: u64 = 60;
/// Upper limit of a wait, in seconds.
const LONGEST_WAIT: u64 = 3_600;

const MEDIA_TYPE: &str = "application/vnd.segment.v1+json";

/// Segment's figures of an audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Believed {
    /// Its members.
    pub size: u64,
    /// The status of its computation, in Segment's word (`Live`, `Computing`, …), if it says so.
    pub status: Option<String>,
    /// Whether it is computed at all, if it says so.
    pub enabled: Option<bool>,
}

/// The reason why Segment's figures are unknown. No text holds the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SegmentError {
    /// The token, or its file, cannot be used.
    #[error("the token of segment's public api cannot be used: {0}")]
    Token(String),
    /// Segment refuses the token.
    #[error("segment refuses the token; give one of a workspace owner in segment.public_api_token")]
    Refused,
    /// There is no such audience, or the token is that of another workspace.
    #[error("segment has no such audience in the token's workspace")]
    NotFound,
    /// Too many requests.
    #[error("segment allows no more requests for now; try again in {0} s")]
    Limited(u64),
    /// It cannot be reached, or is unwell.
    #[error("segment cannot be asked: {0}")]
    Unavailable(String),
    /// The answer makes no sense.
    #[error("the answer is not that of segment's public api; is segment.public_api_url right?")]
    Nonsense,
}

/// A client of Segment's Public API.
pub struct SegmentApi {
    client: Client,
    base: String,
    authorization: HeaderValue,
}

impl SegmentApi {
    /// The client that the settings ask for; `None` without a token.
    ///
    /// # Errors
    ///
    /// [`SegmentError::Token`] if the token's file cannot be read.
    pub fn of(settings: &Segment) -> Result<Option<Self>, SegmentError> {
        let Some(token) = token(settings)? else { return Ok(None) };
        let header = Zeroizing::new(format!("Bearer {}", token.as_str()));
        let mut authorization = HeaderValue::from_str(&header)
            .map_err(|_| SegmentError::Token("it has characters that no header can hold".to_owned()))?;
        authorization.set_sensitive(true);
        refersion::install_crypto();
        let client = Client::builder()
            .timeout(ANSWER_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .build()
            .map_err(unavailable)?;
        Ok(Some(Self { client, base: settings.public_api_url.0.clone(), authorization }))
    }

    /// Segment's figures of an audience.
    ///
    /// # Errors
    ///
    /// [`SegmentError`].
    pub async fn audience(&self, space: &str, id: &str) -> Result<Believed, SegmentError> {
        let mut url = reqwest::Url::parse(&self.base).map_err(|_| SegmentError::Nonsense)?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["spaces", space, "audiences", id]);
        }
        let request = self.client.get(url).header(AUTHORIZATION, self.authorization.clone());
        let response = request.header(ACCEPT, MEDIA_TYPE).send().await.map_err(unavailable)?;
        let status = response.status();
        let header =
            |name| -> Option<u64> { response.headers().get(name)?.to_str().ok()?.trim().parse().ok() };
        let wait = header("retry-after").or_else(|| header("x-ratelimit-reset"));
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(SegmentError::Refused),
            StatusCode::NOT_FOUND => return Err(SegmentError::NotFound),
            StatusCode::TOO_MANY_REQUESTS => {
                let body = body(response).await.unwrap_or_default();
                let wait = wait.or_else(|| stated_wait(&body)).unwrap_or(DEFAULT_WAIT);
                return Err(SegmentError::Limited(wait.min(LONGEST_WAIT)));
            }
            status if status.is_server_error() => {
                return Err(SegmentError::Unavailable(format!("it answers {status}")));
            }
            _ => return Err(SegmentError::Nonsense),
        }
        read(&body(response).await?).ok_or(SegmentError::Nonsense)
    }
}

/// The body of an answer, within its limit.
async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, SegmentError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES {
            return Err(SegmentError::Nonsense);
        }
    }
    Ok(body)
}

/// The token, from the settings or from its file.
fn token(settings: &Segment) -> Result<Option<Zeroizing<String>>, SegmentError> {
    if let Some(token) = &settings.public_api_token {
        return Ok(Some(Zeroizing::new(token.reveal().trim().to_owned())));
    }
    let Some(path) = &settings.public_api_token_file else { return Ok(None) };
    let failed = |why: String| SegmentError::Token(format!("{}: {why}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > TOKEN_BYTES {
        return Err(failed("the file is too long for a token".to_owned()));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?);
    if text.trim().is_empty() {
        return Err(failed("the file is empty".to_owned()));
    }
    Ok(Some(Zeroizing::new(text.trim().to_owned())))
}

/// The audience in an answer, `{"data": {"audience": {…}}}`.
fn read(body: &[u8]) -> Option<Believed> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let audience = answer.get("data")?.get("audience")?;
    let size = audience.get("size")?;
    let count = size.get("uniqueCount").and_then(Value::as_u64).or_else(|| size.get("count")?.as_u64())?;
    let word = |text: &str| text.chars().filter(|it| !it.is_control()).take(WORD_CHARS).collect();
    Some(Believed {
        size: count,
        status: audience.get("status").and_then(Value::as_str).map(word),
        enabled: audience.get("enabled").and_then(Value::as_bool),
    })
}

/// The seconds to wait that an answer about too many requests names, `{"errors": [{"data": {"msBeforeNext": …}}]}`, rounded up.
/// Its header `X-RateLimit-Reset` may be a date.
fn stated_wait(body: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let wait = |error: &Value| error.get("data")?.get("msBeforeNext")?.as_u64();
    answer.get("errors")?.as_array()?.iter().find_map(wait).map(|millis| millis.div_ceil(1_000))
}

/// Without the address and the headers.
fn unavailable(error: reqwest::Error) -> SegmentError {
    if error.is_timeout() {
        return SegmentError::Unavailable(format!("no answer within {} s", ANSWER_TIME.as_secs()));
    }
    SegmentError::Unavailable(error.without_url().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_and_invalid_answers_are_not() {
        let answer = br#"{"data":{"audience":{"id":"aud_1","key":"vip","enabled":true,"status":"Live",
            "size":{"count":12,"uniqueCount":10,"type":"users"}}}}"#;
        let believed = Believed { size: 10, status: Some("Live".to_owned()), enabled: Some(true) };
        assert_eq!(read(answer), Some(believed));
        for nonsense in ["", "[]", "{}", r#"{"data":{"audience":{"size":{"count":-1}}}}"#, "<html>"] {
            assert_eq!(read(nonsense.as_bytes()), None, "{nonsense}");
        }
    }
    #[test]
    fn the_wait_is_read_from_an_answer_about_too_many_requests() {
        let answer = br#"{"errors":[{"type":"too-many-requests","data":{"msBeforeNext":12001}}]}"#;
        assert_eq!(stated_wait(answer), Some(13));
        for nonsense in ["", "[]", r#"{"errors":{}}"#, r#"{"errors":[{"data":{"msBeforeNext":-1}}]}"#] {
            assert_eq!(stated_wait(nonsense.as_bytes()), None, "{nonsense}");
        }
    }
}
