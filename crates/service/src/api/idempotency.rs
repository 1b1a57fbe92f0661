//! `Idempotency-Key`: a repeated request with the same key gets the first answer, and the act is not carried out again.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use ledger::{Begun, IdempotentRequest, KeptAnswer, OperatorView};

use super::claim::while_claimed;
use super::guard::read_body;
use super::problem::Problem;
use crate::engines::Engines;

/// The header of a request.
pub(super) const KEY: &str = "Idempotency-Key";

/// The header of an answer that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key, in bytes.
const MAX_KEY: usize = 255;

/// The longest answer that is kept, in bytes.
const MAX_KEPT: usize = 256 * 1024;

/// An extension of answers with a secret in them: they are not kept.
#[derive(Clone, Copy)]
pub(super) struct Secret;

/// An extension of answers with personal data in them, to requests that changed nothing: the key is released.
#[derive(Clone, Copy)]
pub(super) struct Unkept;

/// An extension of answers with personal data in them, to requests that changed something: the body that is kept instead.
#[derive(Clone)]
pub(super) struct KeptAs(pub(super) String);

/// Whether this answer was given before.
pub(super) fn is_replayed(response: &Response) -> bool {
    response.headers().contains_key(REPLAYED)
}

/// Runs a request, at most once for each key of its operator. An unsuccessful answer releases the key, because the
/// act may be asked for again then.
pub(super) async fn once(
    engines: &Engines,
    operator: &OperatorView,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(key) = key(request.headers())? else { return Ok(next.run(request).await) };
    let (head, body) = request.into_parts();
    let body = read_body(body).await?;
    let digest = |kind: &str, text: &str| engines.vault.digest(kind, 0, text);
    // The length of the path precedes it, so that two different requests never run into the same text.
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let whole = format!("{} {} {} {}", head.method, path.len(), path, String::from_utf8_lossy(&body));
    let request = IdempotentRequest {
        operator: operator.name.clone(),
        // The name of an operator may be used again, and a key belongs to one account.
        key: digest("idempotency key", &format!("{} {key}", operator.created_at)),
        request: digest("idempotent request", &whole),
        owner: engines.new_id(),
        at: engines.now(),
    };
    match engines.operators.begin_request(&request).await? {
        Begun::New => {}
        Begun::Answered(answer) => return replayed(answer),
        Begun::UnderWay { until } => {
            let detail = "a request with this Idempotency-Key is under way";
            let hint = format!(
                "send it again in a moment, to get its answer; if the process that handled it crashed, the key is free from \
                 {until:.0} on"
            );
            return Err(Problem::new(StatusCode::CONFLICT, "request_under_way", detail, hint));
        }
        Begun::OtherRequest => {
            let detail = "this Idempotency-Key was used for another request";
            let (status, hint) = (StatusCode::UNPROCESSABLE_ENTITY, "use a new key for each act");
            return Err(Problem::new(status, "idempotency_key_reused", detail, hint));
        }
    }
    let act = next.run(Request::from_parts(head, Body::from(body)));
    let response = while_claimed((&*engines.operators, &engines.clock), &request, act).await;
    keep(engines, &request, response).await
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    let is_good =
        |key: &&str| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|it| it.is_ascii_graphic());
    let good = key.to_str().ok().filter(is_good);
    let wrong = || Problem::malformed("an Idempotency-Key is 1 to 255 visible ASCII characters");
    good.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

async fn keep(
    engines: &Engines,
    request: &IdempotentRequest,
    response: Response,
) -> Result<Response, Problem> {
    if !response.status().is_success() || response.extensions().get::<Unkept>().is_some() {
        engines.operators.finish_request(request, None).await?;
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Problem::internal("the answer cannot be read"))?.to_bytes();
    let kept_as = head.extensions.get::<KeptAs>().map(|KeptAs(body)| body.clone());
    let text = kept_as.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    let is_secret = head.extensions.get::<Secret>().is_some();
    let text = Some(text).filter(|text| !is_secret && text.len() <= MAX_KEPT);
    let answer = KeptAnswer { status: head.status.as_u16(), body: text };
    if let Err(error) = engines.operators.finish_request(request, Some(&answer)).await {
        // The act is done: its answer is sent, and requests with the same key are refused until the act counts as crashed.
        tracing::error!(%error, "the answer to an act could not be kept for its Idempotency-Key");
    }
    Ok(Response::from_parts(head, Body::from(body)))
}

fn replayed(answer: KeptAnswer) -> Result<Response, Problem> {
    let KeptAnswer { status, body } = answer;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let Some(body) = body else {
        let detail = "this was done before, and its answer is not kept, because it is a secret or too long";
        let hint = "check the present state; `operators revoke` revokes a token that was lost";
        return Err(Problem::new(StatusCode::CONFLICT, "answer_not_kept", detail, hint));
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (REPLAYED, HeaderValue::from_static("true")),
    ];
    Ok((status, headers, body).into_response())
}
