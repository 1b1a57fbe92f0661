//! The transport over the network: HTTP/1.1 with reqwest, TLS with rustls and ring.
//!
//! It follows no redirects (a POST would lose its body, and the keys would go to another host), repeats no request and does
//! not read the environment: the caller provides the proxies. Answers may be compressed with gzip; the limit of an answer's
//! size applies after decompression.

mod proxies;
mod retry_after;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};

pub use proxies::{Proxies, ProxyUrl};

use crate::{Answer, Credentials, MAX_ANSWER_BYTES, Request, Transport, TransportError};

/// Maximum time to connect, TLS included. A call that exceeds it was not sent.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Maximum duration of a call, from its start to the last byte of the answer. A lease has to outlast it.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// Maximum idle time of a connection. It is shorter than that of common gateways (60 s): a call on a connection that
/// the other side closes at the same moment would have an unknown outcome.
const IDLE: Duration = Duration::from_secs(30);

/// The status with which a proxy asks for credentials. An API that is no proxy does not use it.
const PROXY_AUTHENTICATION_REQUIRED: u16 = 407;

/// The HTTP client cannot be set up, most likely because the system's certificates cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the http client for refersion; check the system's root certificates")]
pub struct SetupError(#[source] reqwest::Error);

/// Installs ring as the crypto provider of the process, unless it has one.
pub fn install_crypto() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("the process has a crypto provider already; it is kept");
    }
}

/// Sends calls over the network and keeps connections alive. One transport serves any number of accounts.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    http: reqwest::Client,
    proxies: Proxies,
}

impl HttpTransport {
    /// A transport with [`CONNECT_DEADLINE`] and [`CALL_DEADLINE`]. Installs ring as the crypto provider of the
    /// process, unless it has one.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if TLS cannot be set up.
    pub fn new(proxies: Proxies) -> Result<Self, SetupError> {
        Self::with_deadlines(proxies, CONNECT_DEADLINE, CALL_DEADLINE)
    }

    /// As [`HttpTransport::new`] with other deadlines, for tests.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if TLS cannot be set up.
    pub fn with_deadlines(proxies: Proxies, connect: Duration, call: Duration) -> Result<Self, SetupError> {
        install_crypto();
        // Without `no_proxy` reqwest reads the environment by itself.
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("refersion-destination/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect)
            .timeout(call)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false);
        for proxy in proxies.for_reqwest().map_err(SetupError)? {
            builder = builder.proxy(proxy);
        }
        let http = builder.build().map_err(SetupError)?;
        Ok(Self { http, proxies })
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
        if status == PROXY_AUTHENTICATION_REQUIRED && self.proxies.of(&request.base_url).is_some() {
            return Err(TransportError::NotSent { detail: "the proxy wants other credentials (407)".into() });
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|wait| retry_after::read(wait, header(DATE)));
        Ok(Answer { status, retry_after, body: read_body(response).await? })
    }

    fn proxy_of(&self, base_url: &str) -> Option<String> {
        self.proxies.of(base_url).map(ToString::to_string)
    }
}

fn headers(credentials: &Credentials) -> Result<HeaderMap, TransportError> {
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|_| TransportError::Malformed {
            detail: "a key has characters that an HTTP header cannot hold".into(),
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

/// Reads at most [`MAX_ANSWER_BYTES`] of the body, decompressed piece by piece. A success that is longer, or cannot be
/// decompressed, is not an answer of this API. For a refusal the status is enough, so its readable part is returned.
async fn read_body(mut response: reqwest::Response) -> Result<Vec<u8>, TransportError> {
    let is_success = response.status().is_success();
    let mut body = Vec::new();
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(body),
            Err(error) if error.is_decode() && !is_success => return Ok(body),
            Err(error) => return Err(failed(&error)),
        };
        let room = MAX_ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            let detail = format!("the answer is longer than {MAX_ANSWER_BYTES} bytes");
            return if is_success { Err(TransportError::NoAnswer { detail }) } else { Ok(body) };
        }
    }
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

/// An error with all its causes on one line. The causes alone would not name the failed step.
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
