//! One HTTP connection: reads requests and sends replies, or closes without one.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as _, Bytes, Incoming as Body};
use hyper::header::{CONTENT_ENCODING, HeaderValue};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::{Shared, control, gzip};
use crate::call::MAX_BODY;
use crate::exchange::{ApiRequest, ParsedRequest, Reply};

/// Maximum time for the headers of a request; then the connection is closed.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum time for the body of a request; then the connection is closed.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) type Answer = Response<Full<Bytes>>;

/// The reason why a connection closes without an answer: hyper sends none if the service fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum Disconnect {
    #[error("a fault drops the connection")]
    Fault,
    #[error("the request's body did not arrive in time")]
    NoBody,
    #[error("the answer cannot be expressed in HTTP")]
    Answer(#[from] hyper::http::Error),
}

pub(super) async fn serve(stream: TcpStream, simulator: Shared) {
    // Otherwise a small answer waits for the acknowledgement of the previous one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "simulator: cannot set nodelay");
    }
    let service = service_fn(move |request| {
        let simulator = simulator.clone();
        async move { answer(request, &simulator).await }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "simulator: connection closed");
    }
}

async fn answer(request: Request<Body>, simulator: &Shared) -> Result<Answer, Disconnect> {
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    if let Some(action) = head.uri.path().strip_prefix("/_simulator/") {
        return control::answer(&head.method, action, &body, simulator);
    }
    // The gateway accepts only POST, and answers other methods like an unknown path.
    let path = if head.method == Method::POST { head.uri.path() } else { "" };
    let request = ApiRequest {
        path,
        public_key: header(&head.headers, "refersion-public-key"),
        secret_key: header(&head.headers, "refersion-secret-key"),
        body: &body,
    };
    let parsed = ParsedRequest::of(&request, &simulator.0.switches);
    let reply = simulator.with(|simulator, now| simulator.reply(now, &request, parsed));
    send(reply, simulator.0.switches.gzip && gzip::is_accepted(&head.headers)).await
}

/// Reads a body. A body that is too long is not read to its end; zeros, one byte beyond the limit, are returned instead.
async fn read(body: Body) -> Result<Bytes, Disconnect> {
    let too_long = || Bytes::from(vec![0; MAX_BODY + 1]);
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Ok(too_long());
    }
    let whole = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(BODY_TIMEOUT, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Ok(too_long()),
        Ok(Err(_)) | Err(_) => Err(Disconnect::NoBody),
    }
}

fn header<'a>(headers: &'a HeaderMap<HeaderValue>, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn send(reply: Reply, compressed: bool) -> Result<Answer, Disconnect> {
    match reply {
        Reply::Drop { after } => {
            pause(after).await;
            Err(Disconnect::Fault)
        }
        Reply::Answer { after, status, headers, body } => {
            pause(after).await;
            let mut response =
                Response::builder().status(StatusCode::from_u16(status).map_err(hyper::http::Error::from)?);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            // HTTP forbids a body with 204, so there is nothing to compress.
            if compressed && !body.is_empty() {
                let response = response.header(CONTENT_ENCODING, "gzip");
                return Ok(response.body(Full::new(gzip::compress(&body).into()))?);
            }
            Ok(response.body(Full::new(body.into()))?)
        }
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
