//! Runs, pauses, resumes and cancels replay plans.

use axum::Json;
use ledger::Plan;
use ledger::plans::RunOptions;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::reason;
use super::plan_answers::{PlanAnswer, plan};
use super::plans::visible;
use crate::api::extract::{Input, Part};
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::plans::{self, STOP_IF};

/// The options of a run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RunInput {
    /// Maximum calls a second; without it only the rate of the connection is a limit.
    #[schema(exclusive_minimum = 0, maximum = 1000)]
    rate: Option<f64>,
    /// Number of persons that are replayed first; their results decide whether the others follow.
    #[serde(default)]
    #[schema(maximum = 10000)]
    canary: u32,
    /// The plan stops if a greater share of the results, from 0 to 1, are failures; 0.2 with a canary if left out.
    #[schema(minimum = 0, maximum = 1)]
    stop_if: Option<f64>,
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// The reason to pause, resume or cancel a plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct SteerInput {
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Run a plan: workers replay its dead letters.
#[utoipa::path(post, path = "/api/v1/plans/{id}/run", tag = "plans",
    params(("id" = i64, Path, description = "Its id")), request_body = RunInput,
    responses((status = 200, body = PlanAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn run_plan(
    call: Call,
    Part(id): Part<i64>,
    Input(input): Input<RunInput>,
) -> Result<Json<PlanAnswer>, Problem> {
    visible(&call, id).await?;
    let options = RunOptions {
        rate: input.rate,
        canary: input.canary,
        stop_if: input.stop_if.or((input.canary > 0).then_some(STOP_IF)),
        reason: reason(input.reason)?,
    };
    let run = plans::run(&call.engines, &call.operator.name, id, options).await?;
    Ok(steered(&call, run))
}

/// Pause a plan: it releases no more events until it is resumed.
#[utoipa::path(post, path = "/api/v1/plans/{id}/pause", tag = "plans",
    params(("id" = i64, Path, description = "Its id")), request_body = SteerInput,
    responses((status = 200, body = PlanAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn pause_plan(
    call: Call,
    Part(id): Part<i64>,
    Input(input): Input<SteerInput>,
) -> Result<Json<PlanAnswer>, Problem> {
    visible(&call, id).await?;
    let paused = plans::pause(&call.engines, &call.operator.name, id, reason(input.reason)?).await?;
    Ok(steered(&call, paused))
}

/// Resume a plan that was paused, or stopped by its own rule.
#[utoipa::path(post, path = "/api/v1/plans/{id}/resume", tag = "plans",
    params(("id" = i64, Path, description = "Its id")), request_body = SteerInput,
    responses((status = 200, body = PlanAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn resume_plan(
    call: Call,
    Part(id): Part<i64>,
    Input(input): Input<SteerInput>,
) -> Result<Json<PlanAnswer>, Problem> {
    visible(&call, id).await?;
    let resumed = plans::resume(&call.engines, &call.operator.name, id, reason(input.reason)?).await?;
    Ok(steered(&call, resumed))
}

/// End a plan. Items under way get their results; the other dead letters stay as they are.
#[utoipa::path(post, path = "/api/v1/plans/{id}/cancel", tag = "plans",
    params(("id" = i64, Path, description = "Its id")), request_body = SteerInput,
    responses((status = 200, body = PlanAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn cancel_plan(
    call: Call,
    Part(id): Part<i64>,
    Input(input): Input<SteerInput>,
) -> Result<Json<PlanAnswer>, Problem> {
    visible(&call, id).await?;
    let cancelled = plans::cancel(&call.engines, &call.operator.name, id, reason(input.reason)?).await?;
    Ok(steered(&call, cancelled))
}

/// An act is in the audit once it is done; what was refused is left to the guard.
pub(super) fn steered(call: &Call, steered: Plan) -> Json<PlanAnswer> {
    call.acts_as();
    Json(plan(call, steered))
}
