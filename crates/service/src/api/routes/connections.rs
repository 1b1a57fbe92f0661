//! Connections: their settings, and whether they deliver. Answers contain neither their secrets nor their write keys.

use axum::Json;
use connections::{Connection, ConnectionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::reason;
use crate::api::extract::{Input, Part};
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::connections as acts;
use crate::operator::directory::state_words;

/// A connection: one Refersion account.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ConnectionAnswer {
    /// Its number.
    id: i64,
    /// Its name.
    name: String,
    /// `active` or `paused`.
    #[schema(value_type = String)]
    state: &'static str,
    /// `operator`, `credentials`, `configuration` or `breaker`; null while it is active.
    #[schema(value_type = Option<String>)]
    paused_for: Option<&'static str>,
    /// The reason of the pause, in a sentence.
    paused_because: Option<String>,
    /// When the pause began.
    paused_since: Option<Timestamp>,
    /// The settings that `connections set` changes.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    /// Increases by one with every change of the settings.
    settings_version: i64,
    /// The learned rate in calls a second.
    learned_rate: Option<f64>,
    /// When it was added.
    created_at: Timestamp,
}

/// A list of connections.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ConnectionList {
    /// How many there are.
    count: usize,
    /// All of them, by number.
    connections: Vec<ConnectionAnswer>,
}

/// The reason of an operator's act on a connection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ReasonInput {
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    pub(super) reason: Option<String>,
}

/// List the connections that the operator may see.
#[utoipa::path(get, path = "/api/v1/connections", tag = "connections",
    responses((status = 200, body = ConnectionList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn list_connections(call: Call) -> Result<Json<ConnectionList>, Problem> {
    let connections: Vec<_> = call.directory.all().map(answer).collect::<Result<_, _>>()?;
    Ok(Json(ConnectionList { count: connections.len(), connections }))
}

/// Show one connection.
#[utoipa::path(get, path = "/api/v1/connections/{name}", tag = "connections",
    params(("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    responses((status = 200, body = ConnectionAnswer)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_connection(
    call: Call,
    Part(name): Part<String>,
) -> Result<Json<ConnectionAnswer>, Problem> {
    answer(visible(&call, &name)?).map(Json)
}

/// Stop calls; events are still accepted, and kept.
#[utoipa::path(post, path = "/api/v1/connections/{name}/pause", tag = "connections",
    params(("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    request_body = ReasonInput,
    responses((status = 200, body = ConnectionAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn pause_connection(
    call: Call,
    Part(name): Part<String>,
    Input(input): Input<ReasonInput>,
) -> Result<Json<ConnectionAnswer>, Problem> {
    let connection = visible(&call, &name)?;
    let reason = reason(input.reason)?;
    answer(&acts::pause(&call.engines, call.acts_as(), connection, reason).await?).map(Json)
}

/// Resume calls, regardless of the reason of the pause.
#[utoipa::path(post, path = "/api/v1/connections/{name}/resume", tag = "connections",
    params(("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    request_body = ReasonInput,
    responses((status = 200, body = ConnectionAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn resume_connection(
    call: Call,
    Part(name): Part<String>,
    Input(input): Input<ReasonInput>,
) -> Result<Json<ConnectionAnswer>, Problem> {
    let connection = visible(&call, &name)?;
    let reason = reason(input.reason)?;
    answer(&acts::resume(&call.engines, call.acts_as(), connection, reason).await?).map(Json)
}

/// The connection of this name, if the operator may see it.
pub(super) fn visible<'a>(call: &'a Call, name: &str) -> Result<&'a Connection, Problem> {
    let name: ConnectionName = name.parse().map_err(|error| Problem::malformed(format!("{error}")))?;
    let id = call.directory.id_of(name.as_str())?;
    call.directory.get(id).ok_or_else(|| Problem::internal("a connection has an unknown number"))
}

fn answer(connection: &Connection) -> Result<ConnectionAnswer, Problem> {
    let (state, paused_for) = state_words(connection.state);
    let settings = serde_json::to_value(&connection.settings);
    Ok(ConnectionAnswer {
        id: connection.id,
        name: connection.name.to_string(),
        state,
        paused_for,
        paused_because: connection.paused_because.clone(),
        paused_since: connection.paused_since,
        settings: settings.map_err(|_| Problem::internal("the settings cannot be written as JSON"))?,
        settings_version: connection.settings_version,
        learned_rate: connection.learned_rate,
        created_at: connection.created_at,
    })
}
