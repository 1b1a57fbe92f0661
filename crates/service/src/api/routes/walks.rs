//! Walks through the affiliates that Refersion lists: adoption, and comparison with what was last sent.

use axum::Json;
use connections::Connection;
use jiff::Timestamp;
use ledger::WalkRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::reason;
use super::connections::{ReasonInput, visible};
use crate::api::extract::{Input, Part};
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::adoption::{Adoption, request_walk_for};
use crate::operator::drift::Verification;
use crate::operator::workers::Workers;

/// How a comparison is made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct VerifyInput {
    /// Send again what differs.
    #[serde(default)]
    repair: bool,
    /// Upper limit of calls; without it as many as are needed.
    #[schema(minimum = 1)]
    max_calls: Option<u64>,
    /// Why; kept for good in the audit, so no personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// How far the walk through a connection's affiliates is.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct AdoptionAnswer {
    /// `none`, `asked`, `walking`, `complete`, or `partial` if the last walk was ended by its limit of calls.
    #[schema(value_type = String)]
    state: &'static str,
    /// Affiliates that the pass under way has met, or the last walk.
    affiliates: u64,
    /// How many Refersion says there are; null: it does not say.
    total: Option<u64>,
    /// The number of the pass under way.
    pass: Option<u32>,
    /// Calls of the walk under way, or of the last one.
    calls: u64,
    /// Seconds that the walk takes yet at the rate in use, if nothing else is due; null: nobody knows.
    eta_seconds: Option<u64>,
    /// What keeps the walk waiting; null: nothing does.
    waits_for: Option<String>,
    /// Since when the directory lists everybody; null: it does not.
    complete_since: Option<Timestamp>,
    /// When the last walk ended.
    ended_at: Option<Timestamp>,
}

/// What the last comparison has found.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct VerificationAnswer {
    /// The name of the connection.
    connection: String,
    /// How far the walk is.
    adoption: AdoptionAnswer,
    /// Affiliates of ours that the last comparison met; null: there was none.
    compared: Option<u64>,
    /// How many affiliates are known to differ, at most those that are listed.
    count: usize,
    /// Affiliates that differ from what they were sent.
    drift: Vec<DriftAnswer>,
}

/// An affiliate that differs from what it was sent.
#[derive(Serialize, ToSchema)]
struct DriftAnswer {
    /// Its code.
    affiliate_code: String,
    /// The first letter of the address that was sent, and its domain; null: it was erased, or is not known any more; for viewers
    /// always null.
    email: Option<String>,
    /// What differs.
    fields: Vec<String>,
    /// When that was found.
    found_at: Timestamp,
}

/// Show how far the walk through the affiliates of a connection is.
#[utoipa::path(get, path = "/api/v1/connections/{name}/adoption", tag = "connections",
    params(("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    responses((status = 200, body = AdoptionAnswer)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_adoption(
    call: Call,
    Part(name): Part<String>,
) -> Result<Json<AdoptionAnswer>, Problem> {
    adoption(&call, visible(&call, &name)?).await
}

/// Ask for a walk through the affiliates of a connection; a worker makes it while nothing else is due.
#[utoipa::path(post, path = "/api/v1/connections/{name}/adopt", tag = "connections",
    params(("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    request_body = ReasonInput,
    responses((status = 200, body = AdoptionAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn adopt_affiliates(
    call: Call,
    Part(name): Part<String>,
    Input(input): Input<ReasonInput>,
) -> Result<Json<AdoptionAnswer>, Problem> {
    let connection = visible(&call, &name)?;
    let input = VerifyInput { repair: false, max_calls: None, reason: input.reason };
    ask(&call, connection, false, input).await
}

/// Show what the last comparison of Refersion's list with what was last sent has found.
#[utoipa::path(get, path = "/api/v1/connections/{name}/verification", tag = "connections",
    params(("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    responses((status = 200, body = VerificationAnswer)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_verification(
    call: Call,
    Part(name): Part<String>,
) -> Result<Json<VerificationAnswer>, Problem> {
    let connection = visible(&call, &name)?;
    let workers = Workers::read(&call.engines, &call.config).await?;
    let found = Verification::read(&call.engines, connection, &workers).await?;
    let drift = found.drift.into_iter().map(|row| DriftAnswer {
        affiliate_code: row.affiliate_code,
        email: row.email.filter(|_| !call.is_masked()),
        fields: row.fields,
        found_at: row.found_at,
    });
    let drift: Vec<DriftAnswer> = drift.collect();
    Ok(Json(VerificationAnswer {
        connection: found.connection,
        adoption: answer(found.adoption),
        compared: found.compared,
        count: drift.len(),
        drift,
    }))
}

/// Ask for a comparison of Refersion's list with what was last sent; a worker makes it while nothing else is due.
#[utoipa::path(post, path = "/api/v1/connections/{name}/verify", tag = "connections",
    params(("name" = String, Path, description = "Its name", pattern = "^[A-Za-z0-9_-]{1,64}$")),
    request_body = VerifyInput,
    responses((status = 200, body = AdoptionAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn verify_affiliates(
    call: Call,
    Part(name): Part<String>,
    Input(input): Input<VerifyInput>,
) -> Result<Json<AdoptionAnswer>, Problem> {
    let connection = visible(&call, &name)?;
    ask(&call, connection, true, input).await
}

async fn ask(
    call: &Call,
    connection: &Connection,
    verify: bool,
    input: VerifyInput,
) -> Result<Json<AdoptionAnswer>, Problem> {
    let reason = reason(input.reason)?;
    // The ledger keeps the number as a signed one.
    if input.max_calls.is_some_and(|most| most == 0 || i64::try_from(most).is_err()) {
        return Err(Problem::invalid("the limit of calls is not from 1 to 9223372036854775807"));
    }
    let asked_at = call.engines.now();
    let request = WalkRequest { asked_at, verify, repair: input.repair, max_calls: input.max_calls };
    request_walk_for(&call.engines, call.acts_as(), connection, request, reason).await?;
    adoption(call, connection).await
}

async fn adoption(call: &Call, connection: &Connection) -> Result<Json<AdoptionAnswer>, Problem> {
    let workers = Workers::read(&call.engines, &call.config).await?;
    Ok(Json(answer(Adoption::read(&call.engines, connection, &workers).await?)))
}

fn answer(it: Adoption) -> AdoptionAnswer {
    AdoptionAnswer {
        state: it.state,
        affiliates: it.affiliates,
        total: it.total,
        pass: it.pass,
        calls: it.calls,
        eta_seconds: it.eta_seconds,
        waits_for: it.waits_for,
        complete_since: it.complete_since,
        ended_at: it.ended_at,
    }
}
