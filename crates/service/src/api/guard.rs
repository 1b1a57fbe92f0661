//! The only place that admits requests: it authenticates the caller, checks the role, audits acts and runs each act once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, Limited};
use jiff::SignedDuration;
use ledger::{AuditEntry, AuditResult, OperatorRole, OperatorView};

use super::audited;
use super::document::Document;
use super::idempotency;
use super::problem::Problem;
use super::turns::{Turn, Turns};
use crate::config::Config;
use crate::engines::Engines;
use crate::engines::awaited::Awaited;
use crate::operator::{Directory, operators};

/// The largest body: a selector has up to 64 KiB.
const MAX_BODY: usize = 256 * 1024;

/// Time for the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The use of a token is noted again after this time.
const NOTED_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// The configuration, the engines and the routes against which requests are checked.
pub(super) struct Guard {
    config: Arc<Config>,
    awaited: Awaited,
    /// The name and the required role of each route, by path and method.
    routes: BTreeMap<String, BTreeMap<String, Route>>,
    turns: Turns,
}

/// A route as the document describes it.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// The pattern, with the names of its parts in braces: the actual path may contain personal data, or a secret by mistake.
    pub(super) path: String,
    pub(super) operation: String,
    pub(super) role: OperatorRole,
}

impl Guard {
    pub(super) fn new(config: Config, awaited: Awaited, document: &Document) -> Self {
        Self { config: Arc::new(config), awaited, routes: document.routes(), turns: Turns::default() }
    }

    fn route(&self, path: &str, method: &Method) -> Result<&Route, Problem> {
        let methods = self.routes.get(path).ok_or_else(Problem::no_such_path)?;
        let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
        methods.get(&method).ok_or_else(|| {
            let allowed: Vec<String> = methods.keys().map(|method| method.to_uppercase()).collect();
            Problem::method_not_allowed(allowed.join(", "))
        })
    }
}

/// An admitted request. Handlers reach the engines only through it.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) engines: Engines,
    pub(super) config: Arc<Config>,
    pub(super) operator: OperatorView,
    /// The connections that the operator may see.
    pub(super) directory: Arc<Directory>,
    is_audited: Arc<AtomicBool>,
    /// Its place among the requests of the operator.
    _turn: Arc<Turn>,
}

impl Call {
    /// The operator's name, for the audit entry that the called operation writes itself; the guard then writes none.
    pub(super) fn acts_as(&self) -> &str {
        self.is_audited.store(true, Ordering::Relaxed);
        &self.operator.name
    }

    /// Whether personal data is masked.
    pub(super) fn is_masked(&self) -> bool {
        self.operator.role == OperatorRole::Viewer
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::internal("the request did not pass the guard"))
    }
}

/// Admits a request, or answers with the reason of the refusal.
pub(super) async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let admitted = admit(&guard, request, next).await;
    let mut response = admitted.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn admit(guard: &Guard, mut request: Request, next: Next) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let Some(path) = path else { return Ok(next.run(request).await) };
    let away = || {
        let detail = "the ledger is not open yet";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "ledger", detail, "try again in a moment")
    };
    let engines = guard.awaited.get().ok_or_else(away)?.clone();
    let operator = authenticate(&engines, request.headers()).await?;
    let route = guard.route(&path, request.method())?.clone();
    let call = enter(guard, engines, operator).await?;
    if call.operator.role < route.role {
        let entry = line(&call, &route);
        audit(&call, AuditEntry { result: AuditResult::Denied, ..entry }).await;
        return Err(denied(&call, &route));
    }
    request.extensions_mut().insert(call.clone());
    if route.role == OperatorRole::Viewer || request.method().is_safe() {
        return Ok(next.run(request).await);
    }
    // An act continues when its client disconnects.
    let acting = tokio::spawn(act(call, route, request, next));
    acting.await.map_err(|_| Problem::internal("the request failed"))
}

/// The caller.
async fn authenticate(engines: &Engines, headers: &HeaderMap) -> Result<OperatorView, Problem> {
    let refused = |code, detail| {
        let hint = "send `authorization: Bearer TOKEN`; `operators add` on the server makes one";
        Problem::new(StatusCode::UNAUTHORIZED, code, detail, hint)
    };
    let header = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = header.and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let token = token.ok_or_else(|| refused("no_token", "the request has no token"))?;
    let found = match token.starts_with(operators::TOKEN_PREFIX) {
        true => engines.operators.operator_by_token(&operators::digest(token)).await?,
        false => None,
    };
    found.ok_or_else(|| refused("wrong_token", "the token is not valid, or was revoked"))
}

async fn enter(guard: &Guard, engines: Engines, operator: OperatorView) -> Result<Call, Problem> {
    let turn = Arc::new(guard.turns.take(&operator.name)?);
    let now = engines.now();
    let is_noted = |at| now.duration_since(at) < NOTED_EVERY;
    if !operator.last_used_at.is_some_and(is_noted) {
        engines.operators.note_operator_use(&operator.name, now).await?;
    }
    let directory = Arc::new(Directory::of_visible(&engines, operator.connections.as_deref()).await?);
    let config = Arc::clone(&guard.config);
    Ok(Call { engines, config, operator, directory, is_audited: Arc::default(), _turn: turn })
}

fn denied(call: &Call, route: &Route) -> Problem {
    let (name, has, needs) = (&call.operator.name, call.operator.role, route.role);
    let detail = format!("{name} is {has}, and this needs the role {needs}");
    Problem::new(StatusCode::FORBIDDEN, "denied", detail, "ask an operator with that role")
}

/// Carries out an act, once for each idempotency key, and audits it unless the called operation has audited it.
async fn act(call: Call, route: Route, request: Request, next: Next) -> Response {
    let entry = line(&call, &route);
    let response = idempotency::once(&call.engines, &call.operator, request, next).await;
    let response = response.unwrap_or_else(IntoResponse::into_response);
    if !call.is_audited.load(Ordering::Relaxed) && !idempotency::is_replayed(&response) {
        let failed = response.extensions().get::<Problem>().map(|problem| problem.code().to_owned());
        let result = if failed.is_some() { AuditResult::Failed } else { AuditResult::Done };
        audit(&call, AuditEntry { result, reason: failed, ..entry }).await;
    }
    response
}

fn line(call: &Call, route: &Route) -> AuditEntry {
    let action = audited::action(&route.operation);
    AuditEntry::new(call.engines.now(), &call.operator.name, action, route.path.as_str())
}

async fn audit(call: &Call, entry: AuditEntry) {
    if let Err(error) = call.engines.operators.note(&[entry]).await {
        tracing::error!(%error, "an act could not be recorded in the audit");
    }
}

/// The body of a request, within its limits.
pub(super) async fn read_body(body: Body) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await;
    let late = |_| {
        let (status, hint) = (StatusCode::REQUEST_TIMEOUT, "send it again");
        Problem::new(status, "body_timeout", "the body did not arrive within 10 s", hint)
    };
    let collected = read.map_err(late)?.map_err(|_| {
        let detail = format!("the body is longer than {MAX_BODY} bytes, or broke off");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail, "send a shorter one")
    })?;
    Ok(collected.to_bytes())
}
