//! Errors as problem documents. Source: <https://www.rfc-editor.org/rfc/rfc9457>.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::LedgerError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;

/// An error as the handlers of requests return it.
#[derive(Clone, Debug)]
pub(super) struct Problem(Box<ProblemDocument>);

/// A problem and its remedy.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument {
    /// `urn:refersion-destination:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The meaning of the status.
    title: String,
    /// The HTTP status of the answer.
    status: u16,
    /// A short name of the cause, which does not change between versions.
    code: String,
    /// The problem in a sentence, with the name of the thing.
    detail: String,
    /// The remedy.
    hint: String,
    /// The methods that the path takes, for the header `Allow`.
    #[serde(skip)]
    allowed: Option<String>,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &str,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self(Box::new(ProblemDocument {
            kind: format!("urn:refersion-destination:problem:{code}"),
            title: status.canonical_reason().unwrap_or("error").to_lowercase(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            hint: hint.into(),
            allowed: None,
        }))
    }

    /// The path takes other methods.
    pub(super) fn method_not_allowed(allowed: String) -> Self {
        let (status, detail) = (StatusCode::METHOD_NOT_ALLOWED, format!("this path takes {allowed}"));
        let hint = "GET /api/v1/openapi.json describes every request";
        let mut problem = Self::new(status, "method_not_allowed", detail, hint);
        problem.0.allowed = Some(allowed);
        problem
    }

    /// The short name of the cause.
    pub(super) fn code(&self) -> &str {
        &self.0.code
    }

    /// The request is no request of this API.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        let hint = "GET /api/v1/openapi.json describes every request";
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", detail, hint)
    }

    /// A value is of the right type, and out of bounds.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        let hint = "GET /api/v1/openapi.json describes every request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", detail, hint)
    }

    pub(super) fn no_such_path() -> Self {
        let hint = "GET /api/v1/openapi.json lists the paths";
        Self::new(StatusCode::NOT_FOUND, "no_such_path", "there is no such path", hint)
    }

    /// There is none, or none that the operator may see: the answer is the same.
    pub(super) fn not_found(code: &str, what: &str, hint: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, format!("there is no {what}"), hint)
    }

    pub(super) fn internal(detail: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, "report this as a bug")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        let allowed = self.0.allowed.as_deref().and_then(|allowed| HeaderValue::from_str(allowed).ok());
        headers.extend(allowed.map(|allowed| (header::ALLOW, allowed)));
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let Failure { code, message, hint, .. } = failure;
        let (status, hint) = match code {
            "no_such_connection" => {
                (StatusCode::NOT_FOUND, "GET /api/v1/connections lists those that you may see".to_owned())
            }
            "no_such_dead_letter" => {
                (StatusCode::NOT_FOUND, "GET /api/v1/dead-letters lists those that you may see".to_owned())
            }
            "no_such_group" => {
                (StatusCode::NOT_FOUND, "GET /api/v1/dead-letters/groups lists their keys".to_owned())
            }
            "no_such_plan" => {
                (StatusCode::NOT_FOUND, "GET /api/v1/plans lists those that you may see".to_owned())
            }
            "plan_state" => (StatusCode::CONFLICT, "GET /api/v1/plans/{id} shows its state".to_owned()),
            "plan_options" => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "GET /api/v1/openapi.json describes every request".to_owned(),
            ),
            "nothing_selected" => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "GET /api/v1/dead-letters/count shows how many there are".to_owned(),
            ),
            "no_such_operator" => (StatusCode::NOT_FOUND, "GET /api/v1/operators lists them".to_owned()),
            "operator_exists" | "too_many_operators" | "conflict" => (StatusCode::CONFLICT, hint),
            "ambiguous_audience" => {
                (StatusCode::CONFLICT, "name the connection, as ?connection=NAME".to_owned())
            }
            "no_such_audience" => (StatusCode::NOT_FOUND, "GET /api/v1/audiences lists them".to_owned()),
            "ledger" | "queue" => {
                tracing::warn!(code, message, "a request to the API failed");
                (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment".to_owned())
            }
            "selector" => {
                (StatusCode::UNPROCESSABLE_ENTITY, "docs/dead-letters.md lists every term".to_owned())
            }
            "empty_selector" | "admin_is_limited" => (StatusCode::UNPROCESSABLE_ENTITY, hint),
            _ => {
                tracing::error!(code, message, "a request to the API failed");
                (StatusCode::INTERNAL_SERVER_ERROR, hint)
            }
        };
        Self::new(status, code, message, hint)
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Failure::from(error).into()
    }
}
