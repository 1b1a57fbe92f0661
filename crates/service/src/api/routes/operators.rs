//! Operators of this API.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use ledger::{OperatorRole, OperatorView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::Role;
use crate::api::extract::{Input, Part};
use crate::api::guard::Call;
use crate::api::idempotency::Secret;
use crate::api::problem::Problem;
use crate::operator::operators::{self, OperatorName};

/// An operator.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Operator {
    /// The name.
    name: String,
    /// Its role.
    #[schema(value_type = Role)]
    role: OperatorRole,
    /// The names of the connections that it may see; null: all.
    connections: Option<Vec<String>>,
    /// When it was added.
    created_at: Timestamp,
    /// When its token was used last, to the minute.
    last_used_at: Option<Timestamp>,
    /// When it was revoked.
    revoked_at: Option<Timestamp>,
}

/// Operators.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct OperatorList {
    /// How many there are, the revoked ones included.
    count: usize,
    /// All of them, by name.
    operators: Vec<Operator>,
}

/// An operator to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct OperatorInput {
    /// The name.
    #[schema(pattern = "^[A-Za-z0-9_.@-]{1,64}$")]
    name: String,
    /// Its role.
    #[schema(value_type = Role)]
    role: OperatorRole,
    /// The names of the connections that it may see; null or left out: all. An admin sees all.
    connections: Option<Vec<String>>,
}

/// A new operator with its token.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct NewOperatorAnswer {
    /// The name.
    name: String,
    /// Its role.
    #[schema(value_type = Role)]
    role: OperatorRole,
    /// The token. It is not shown again.
    token: String,
}

/// List operators.
#[utoipa::path(get, path = "/api/v1/operators", tag = "operators",
    responses((status = 200, body = OperatorList)), security(("bearer" = ["admin"])))]
pub(in crate::api) async fn list_operators(call: Call) -> Result<Json<OperatorList>, Problem> {
    let all = call.engines.operators.operators().await?;
    let operators: Vec<_> = all.into_iter().map(|view| answer(&call, view)).collect();
    Ok(Json(OperatorList { count: operators.len(), operators }))
}

/// Add an operator. The answer contains its token, which is not stored.
#[utoipa::path(post, path = "/api/v1/operators", tag = "operators", request_body = OperatorInput,
    responses((status = 201, body = NewOperatorAnswer)), security(("bearer" = ["admin"])))]
pub(in crate::api) async fn add_operator(
    call: Call,
    Input(input): Input<OperatorInput>,
) -> Result<Response, Problem> {
    let name: OperatorName = input.name.parse().map_err(|why: &str| Problem::invalid(why))?;
    let ids = |names: Vec<String>| names.iter().map(|name| call.directory.id_of(name)).collect();
    let connections: Option<Vec<i64>> = input.connections.map(ids).transpose()?;
    let token = operators::add(&call.engines, call.acts_as(), &name, input.role, connections).await?;
    let answer = NewOperatorAnswer { name: name.to_string(), role: input.role, token: token.to_string() };
    let mut response = (StatusCode::CREATED, Json(answer)).into_response();
    response.extensions_mut().insert(Secret);
    Ok(response)
}

/// An operator that was revoked.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Revoked {
    /// The name.
    name: String,
    /// True.
    revoked: bool,
}

/// End an operator's token at once.
#[utoipa::path(delete, path = "/api/v1/operators/{name}", tag = "operators",
    params(("name" = String, Path, description = "The name", pattern = "^[A-Za-z0-9_.@-]{1,64}$")),
    responses((status = 200, body = Revoked)), security(("bearer" = ["admin"])))]
pub(in crate::api) async fn revoke_operator(
    call: Call,
    Part(name): Part<String>,
) -> Result<Json<Revoked>, Problem> {
    let name: OperatorName = name.parse().map_err(|why: &str| Problem::malformed(why))?;
    operators::revoke(&call.engines, call.acts_as(), &name).await?;
    Ok(Json(Revoked { name: name.to_string(), revoked: true }))
}

fn answer(call: &Call, view: OperatorView) -> Operator {
    let names = |ids: Vec<i64>| ids.into_iter().map(|id| call.directory.name(id)).collect();
    Operator {
        name: view.name,
        role: view.role,
        connections: view.connections.map(names),
        created_at: view.created_at,
        last_used_at: view.last_used_at,
        revoked_at: view.revoked_at,
    }
}
