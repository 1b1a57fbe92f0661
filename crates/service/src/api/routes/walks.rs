//! Walks through the affiliates that Refersion lists: adoption, and comparison with the values that were last sent.

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

/// The options of a comparison.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct VerifyInput {
    /// Send differing values again.
    #[serde(default)]
    repair: bool,
    /// Upper limit of calls; without it as many as are needed.
    #[schema(minimum = 1)]
    max_calls: Option<u64>,
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// The progress of the walk through a connection's affiliates.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct AdoptionAnswer {
    /// `none`, `asked`, `walking`, `complete`, or `partial` if the last walk was ended by its limit of calls or
    /// a failure, or did not find all.
    #[schema(value_type = String)]
    state: &'static str,
    /// Affiliates that the pass under way has found, or that the last walk found.
    affiliates: u64,
    /// Number of affiliates according to Refersion; null if unknown.
    total: Option<u64>,
    /// Lower bound of the affiliates that no pass of the last walk found; null if it found all or ended earlier.
    missing: Option<u64>,
    /// The class of the failure that ended the last walk, with the HTTP status; null if none did.
    failure: Option<String>,
    /// The number of the pass under way.
    pass: Option<u32>,
    /// Calls of the walk under way, or of the last one.
    calls: u64,
    /// Remaining seconds of the walk at the rate in use, if nothing else is due; null if unknown, and while no calls are made.
    eta_seconds: Option<u64>,
    /// Whether another walk is requested, which begins after the one under way.
    another_requested: bool,
    /// The reason why the walk waits; null if it does not wait.
    waits_for: Option<String>,
    /// The time since which the directory lists all affiliates; null if it does not.
    complete_since: Option<Timestamp>,
    /// When the last walk ended.
    ended_at: Option<Timestamp>,
}

/// The result of the last comparison.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct VerificationAnswer {
    /// The name of the connection.
    connection: String,
    /// The progress of the walk.
    adoption: AdoptionAnswer,
    /// Known affiliates that the last comparison compared; null if there was none.
    compared: Option<u64>,
    /// Number of affiliates in `drift`.
    count: usize,
    /// Affiliates that differ from the values that were sent.
    drift: Vec<DriftAnswer>,
}

/// An affiliate that differs from the values that were sent.
#[derive(Serialize, ToSchema)]
struct DriftAnswer {
    /// Its code.
    affiliate_code: String,
    /// The first letter of the address that was sent, and its domain; null if it was erased or is no longer known, and for
    /// viewers.
    email: Option<String>,
    /// The fields that differ.
    fields: Vec<String>,
    /// When the difference was found.
    found_at: Timestamp,
}

/// Show the progress of the walk through the affiliates of a connection.
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

/// Show the result of the last comparison of Refersion's list with the values that were last sent.
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

/// Ask for a comparison of Refersion's list with the values that were last sent; a worker makes it while nothing else is due.
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
        missing: it.missing,
        failure: it.failure,
        pass: it.pass,
        calls: it.calls,
        eta_seconds: it.eta_seconds,
        another_requested: it.another_requested,
        waits_for: it.waits_for,
        complete_since: it.complete_since,
        ended_at: it.ended_at,
    }
}
