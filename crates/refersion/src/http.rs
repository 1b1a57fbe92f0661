//! The real transport: HTTP/1.1 by reqwest, TLS by rustls with ring.
//!
//! It does nothing on its own accord: no redirect is followed (a POST would lose its body and the keys would go to
//! strangers), nothing is sent twice, no proxy of the environment is used, and no compression is asked for.

mod retry_after;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};

use crate::{Answer, Credentials, MAX_ANSWER_BYTES, Request, Transport, TransportError};

/// A connection comes about within this time, TLS included, or the call was not sent.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// A call is over within this time, from its start to the last byte of the answer. A lease has to outlast it.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// An idle connection is closed after this time, before the usual gateway does so (60 s): a call into a connection that
/// the other side closes at that moment would have an unknown outcome.
const IDLE: Duration = Duration::from_secs(30);

/// The client cannot be set up: the system's certificates cannot be read, most likely.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the http client for refersion; check the system's root certificates")]
pub struct SetupError(#[source] reqwest::Error);

/// Sends calls over the network, on connections that are kept alive. One serves any number of accounts.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    http: reqwest::Client,
}

impl HttpTransport {
    /// A transport with [`CONNECT_DEADLINE`] and [`CALL_DEADLINE`]. Makes ring the crypto provider of the process, if it
    /// has none yet.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if TLS cannot be set up.
    pub fn new() -> Result<Self, SetupError> {
        Self::with_deadlines(CONNECT_DEADLINE, CALL_DEADLINE)
    }

    /// As [`HttpTransport::new`] with other deadlines, for tests.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if TLS cannot be set up.
    pub fn with_deadlines(connect: Duration, call: Duration) -> Result<Self, SetupError> {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("the process has a crypto provider already; it stays");
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("refersion-destination/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect)
            .timeout(call)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .build()
            .map_err(SetupError)?;
        Ok(Self { http })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn post(&self, request: Request) -> Result<Answer, TransportError> {
        let url = format!("{}{}", request.base_url.trim_end_matches('/'), request.path);
        let headers = headers(&request.credentials)?;
        let sent = self.http.post(url).headers(headers).body(request.body).send().await;
        let response = sent.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|wait| retry_after::read(wait, header(DATE)));
        Ok(Answer { status, retry_after, body: read_capped(response).await? })
    }
}

fn headers(credentials: &Credentials) -> Result<HeaderMap, TransportError> {
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|_| TransportError::Malformed {
            detail: "a key has characters that no header takes".into(),
        })
    };
    let mut secret = value(credentials.secret_key().expose())?;
    secret.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("refersion-public-key", value(&credentials.public_key)?);
    headers.insert("refersion-secret-key", secret);
    Ok(headers)
}

/// Reads the body up to the cap and leaves the rest: what is that long is not an answer of this API.
async fn read_capped(mut response: reqwest::Response) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER_BYTES {
        let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? else { break };
        let room = MAX_ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(body)
}

fn failed(error: &reqwest::Error) -> TransportError {
    let detail = chain(error);
    if error.is_builder() {
        TransportError::Malformed { detail }
    } else if error.is_connect() {
        TransportError::NotSent { detail }
    } else {
        TransportError::NoAnswer { detail }
    }
}

/// An error with its causes, on one line. The causes alone would not say what was being done.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
