//! The report of a plan.

use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::plan_answers::{PlanAnswer, plan};
use super::plans::visible;
use crate::api::extract::Part;
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::plans::report;

/// The results of a plan until now, compared with the estimate.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ReportAnswer {
    /// The plan in its present state.
    plan: PlanAnswer,
    /// Dead letters by state; every state is listed.
    results: BTreeMap<String, u64>,
    /// Groups of the dead letters that failed again of another cause, with their number.
    new_causes: BTreeMap<String, u64>,
    /// Calls that were planned.
    calls_planned: u64,
    /// Calls that led to the results, as far as the results show it; failed calls that were made again are not included.
    calls_needed: u64,
    /// Seconds that were planned, at the rate of the run if it has one; null if no call is needed.
    seconds_planned: Option<f64>,
    /// Seconds since the first dead letter was released, up to the end or until now; null before that.
    seconds_needed: Option<f64>,
    /// Dead letters that were not sent or failed again; a plan with `left_of` contains them.
    left: u64,
}

/// Show the results of a plan, compared with the estimate. The items of the plan list each dead letter.
#[utoipa::path(get, path = "/api/v1/plans/{id}/report", tag = "plans",
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, body = ReportAnswer)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn report_plan(
    call: Call,
    Part(id): Part<i64>,
) -> Result<Json<ReportAnswer>, Problem> {
    visible(&call, id).await?;
    let report = report(&call.engines, id, |_| Ok(())).await?;
    Ok(Json(ReportAnswer {
        results: report.results.into_iter().map(|(state, count)| (state.to_owned(), count)).collect(),
        new_causes: report.new_causes,
        calls_planned: report.calls_planned,
        calls_needed: report.calls_needed,
        seconds_planned: report.seconds_planned,
        seconds_needed: report.seconds_needed,
        left: report.left,
        plan: plan(&call, report.plan),
    }))
}
