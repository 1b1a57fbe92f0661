//! The audit.

use axum::Json;
use jiff::Timestamp;
use ledger::{AuditEntry, AuditFilter, AuditLine, AuditResult, AuditSelector};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::cursor;
use crate::api::extract::{Params, cut, page};
use crate::api::guard::Call;
use crate::api::mask;
use crate::api::problem::Problem;
use crate::failure::Failure;

/// Which lines, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct AuditParams {
    /// Terms: actor:NAME, action:WORD, connection:NAME, result:done (failed, denied), at:>=TIME, at:<TIME, age:<2d.
    selector: Option<String>,
    /// Entries of a page; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// A line of the audit.
#[derive(Serialize, ToSchema)]
struct AuditAnswer {
    /// Its number.
    id: i64,
    /// The time.
    at: Timestamp,
    /// `worker`, `cli:` and a user of the operating system, or the name of an operator.
    actor: String,
    /// The action, as a fixed word.
    action: String,
    /// The connection concerned.
    connection: Option<String>,
    /// The subject of the action.
    subject: String,
    /// The selector of the dead letters.
    selector: Option<String>,
    /// The number.
    number: Option<u64>,
    /// The reason; for a failed action, the code of the problem.
    reason: Option<String>,
    /// `done`, `failed` or `denied`.
    #[schema(value_type = String)]
    result: &'static str,
}

/// Lines of the audit, newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct AuditList {
    /// The selector, with ages as times.
    selector: String,
    /// The exact number of selected lines.
    count: u64,
    /// A page of them.
    lines: Vec<AuditAnswer>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// List the audit. Operators that may see only some connections get only lines about these.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditParams),
    responses((status = 200, body = AuditList)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn list_audit(
    call: Call,
    Params(params): Params<AuditParams>,
) -> Result<Json<AuditList>, Problem> {
    let limit = page(params.limit)?;
    let after = cursor::read(params.cursor.as_deref())?;
    let text = params.selector.as_deref().unwrap_or_default();
    let selector = AuditSelector::parse(text, call.engines.now())
        .map_err(|error| Failure::usage("selector", error.to_string(), ""))?;
    let filter = selector.filter(|name| call.directory.id_of(name)).map_err(Problem::from)?;
    let connections = filter.connections.or_else(|| call.directory.scope());
    let filter = AuditFilter { after, limit: limit + 1, connections, ..filter };
    let count = call.engines.operators.count_audit_lines(&filter).await?;
    let mut lines = call.engines.operators.audit_lines(&filter).await?;
    let next = cut(&mut lines, limit, |line| cursor::write(line.entry.at, line.id));
    Ok(Json(AuditList {
        selector: selector.to_string(),
        count,
        next,
        lines: lines.into_iter().map(|line| answer(&call, line)).collect(),
    }))
}

fn answer(call: &Call, AuditLine { id, entry }: AuditLine) -> AuditAnswer {
    let AuditEntry { at, actor, action, connection, subject, selector, reason, result, number } = entry;
    let connection = connection.map(|connection| call.directory.name(connection));
    let (subject, selector) = match selector {
        Some(text) if call.directory.is_limited() => {
            let (subject, shown) = mask::act(&subject, &text, |name| call.directory.id_of(name).is_ok());
            (subject, Some(shown))
        }
        selector => (subject, selector),
    };
    let result = AuditResult::word(result);
    AuditAnswer { id, at, actor, action, connection, subject, selector, number, reason, result }
}
