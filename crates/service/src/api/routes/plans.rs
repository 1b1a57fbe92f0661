//! Makes, lists and shows replay plans with their items.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use ledger::plans::{ItemFilter, ItemState};
use ledger::{DeadLetterFilter, DeadLetterState, Plan, PlanFilter, PlanId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::answers::reason;
use super::letters::{parse, samples_revealed};
use super::plan_answers::{ItemAnswer, PlanAnswer, item, plan, plan_at, read_place, write_place};
use super::repair_answers::{PatchOperation, patch, sample};
use crate::api::cursor;
use crate::api::extract::{Input, Params, Part, cut, page};
use crate::api::guard::Call;
use crate::api::idempotency::KeptAs;
use crate::api::problem::Problem;
use crate::operator::dead_letters::{Selection, act, to_act};
use crate::operator::plans::{self, PlanRequest};
use crate::operator::repairs::Sample;

/// Plans that are read at once.
const READ_AT_ONCE: usize = 1_000;

/// A plan to make: of a selector, or of the unfinished items of another plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PlanInput {
    /// Terms as in docs/dead-letters.md; not empty. Without a state or ids: open ones.
    #[schema(min_length = 1)]
    selector: Option<String>,
    /// The plan whose unfinished items are to be planned.
    left_of: Option<i64>,
    /// A JSON Patch (RFC 6902) by which the events are repaired while the plan is made; events that it cannot repair are left out.
    #[schema(value_type = Option<Vec<PatchOperation>>, max_items = 1000)]
    patch: Option<Box<RawValue>>,
    /// Calls a second for which the answer also gives the time. It limits nothing: a run has a rate of its own.
    #[schema(exclusive_minimum = 0, maximum = 1000)]
    rate: Option<f64>,
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Which page of plans.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct PlanParams {
    /// Entries of a page; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// Which items of a plan, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct ItemParams {
    /// Only in this state, as `skipped`.
    state: Option<String>,
    /// Only with this reason, as the plan counts them; with a state.
    reason: Option<String>,
    /// Entries of a page; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// Plans, newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct PlanList {
    /// The exact number of plans that the operator may see.
    count: usize,
    /// A page of them.
    plans: Vec<PlanAnswer>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// Items of a plan.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ItemList {
    /// How many there are.
    count: u64,
    /// A page of them.
    items: Vec<ItemAnswer>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// Freeze a set of dead letters, and estimate its replay. Nothing is sent.
#[utoipa::path(post, path = "/api/v1/plans", tag = "plans", request_body = PlanInput,
    responses((status = 201, body = PlanAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn make_plan(
    call: Call,
    Input(input): Input<PlanInput>,
) -> Result<Response, Problem> {
    let (reason, patch) = (reason(input.reason)?, input.patch.as_deref().map(patch).transpose()?);
    input.rate.map_or(Ok(()), plans::check_rate)?;
    let (filter, selector) = match (&input.selector, input.left_of) {
        (Some(selector), None) => {
            let selector = to_act(parse(&call, Some(selector))?, DeadLetterState::Open)?;
            let selection = Selection::of(&call.engines, &call.directory, selector).await?;
            let selector = act(&call.engines, "", &selection, None).selector;
            (selection.filter, selector)
        }
        (None, Some(other)) => {
            let left = visible(&call, other).await?;
            // All of its connections are visible.
            let connections = call.directory.scope();
            let filter = DeadLetterFilter { connections, limit: usize::MAX, ..DeadLetterFilter::default() };
            (filter, format!("what is left of plan {other}: {}", left.frame.selector))
        }
        _ => return Err(Problem::invalid("give either `selector` or `left_of`")),
    };
    let actor = call.operator.name.clone();
    let request = PlanRequest { filter, selector, left_of: input.left_of, actor, reason, patch };
    let blocked = call.config.identifiers.blocked_list();
    let made = plans::make(&call.engines, &blocked, request, &mut |_| {}).await?;
    call.acts_as();
    let rate = input.rate.or(made.plan.options.rate);
    with_samples(&call, plan_at(&call, made.plan, rate), made.samples.0).await
}

/// The answer with what the patch did to some events: the look at them is audited, and they are not kept for repetitions.
async fn with_samples(call: &Call, mut plan: PlanAnswer, samples: Vec<Sample>) -> Result<Response, Problem> {
    let kept = serde_json::to_string(&plan).map_err(|_| Problem::internal("the plan cannot be written"))?;
    // The plan exists by now: if the audit cannot be written, it is shown without samples.
    match samples_revealed(call, &samples).await {
        Ok(()) => plan.samples = samples.into_iter().map(sample).collect(),
        Err(_) => tracing::warn!("the effect of a patch is not shown: the audit could not be written"),
    }
    let mut response = (StatusCode::CREATED, Json(plan)).into_response();
    response.extensions_mut().insert(KeptAs(kept));
    Ok(response)
}

/// List plans.
#[utoipa::path(get, path = "/api/v1/plans", tag = "plans", params(PlanParams),
    responses((status = 200, body = PlanList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn list_plans(
    call: Call,
    Params(params): Params<PlanParams>,
) -> Result<Json<PlanList>, Problem> {
    let limit = page(params.limit)?;
    let after = cursor::read::<i64>(params.cursor.as_deref())?;
    let (count, mut page) = page_of_plans(&call, after.map(|(_, id)| id), limit + 1).await?;
    let next = cut(&mut page, limit, |plan| cursor::write(plan.created_at, plan.id));
    Ok(Json(PlanList { count, plans: page.into_iter().map(|it| plan(&call, it)).collect(), next }))
}

/// The number of plans that the operator may see, and at most `most` of those behind `after`. All are read for it: only the plan
/// itself says which connections it is about.
async fn page_of_plans(
    call: &Call,
    after: Option<PlanId>,
    most: usize,
) -> Result<(usize, Vec<Plan>), Problem> {
    let (mut count, mut page) = (0, Vec::new());
    let mut filter = PlanFilter { limit: READ_AT_ONCE, ..PlanFilter::default() };
    loop {
        let read = call.engines.plans.plans(&filter, call.engines.now()).await?;
        let is_last = read.len() < READ_AT_ONCE;
        filter.after = read.last().map(|plan| plan.id);
        for plan in read.into_iter().filter(|plan| is_visible(call, plan)) {
            count += 1;
            if page.len() < most && after.is_none_or(|after| plan.id < after) {
                page.push(plan);
            }
        }
        if is_last {
            return Ok((count, page));
        }
    }
}

/// Show a plan and its progress.
#[utoipa::path(get, path = "/api/v1/plans/{id}", tag = "plans",
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, body = PlanAnswer)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_plan(call: Call, Part(id): Part<i64>) -> Result<Json<PlanAnswer>, Problem> {
    let found = visible(&call, id).await?;
    Ok(Json(plan(&call, found)))
}

/// List the result of each dead letter of a plan.
#[utoipa::path(get, path = "/api/v1/plans/{id}/items", tag = "plans",
    params(("id" = i64, Path, description = "Its id"), ItemParams),
    responses((status = 200, body = ItemList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn list_plan_items(
    call: Call,
    Part(id): Part<i64>,
    Params(params): Params<ItemParams>,
) -> Result<Json<ItemList>, Problem> {
    let limit = page(params.limit)?;
    let after = read_place(params.cursor.as_deref())?;
    let found = visible(&call, id).await?;
    let state = params.state.as_deref().map(state).transpose()?;
    if params.reason.is_some() && state.is_none() {
        return Err(Problem::invalid("a reason goes with a state"));
    }
    let (reason, limit_and_one) = (params.reason, limit + 1);
    let is_counted = |it: &&ledger::plans::ItemCount| {
        state.is_none_or(|state| it.state == state)
            && reason.as_ref().is_none_or(|reason| it.reason == *reason)
    };
    let count = found.counts.iter().filter(is_counted).map(|it| it.count).sum();
    let filter = ItemFilter { plan: id, state, reason, after, limit: limit_and_one, ..ItemFilter::default() };
    let mut items = call.engines.plans.plan_items(&filter).await?;
    let next = cut(&mut items, limit, write_place);
    Ok(Json(ItemList { count, items: items.into_iter().map(|it| item(&call, it)).collect(), next }))
}

fn state(word: &str) -> Result<ItemState, Problem> {
    ItemState::ALL.into_iter().find(|state| state.word() == word).ok_or_else(|| {
        let all = ItemState::ALL.map(ItemState::word).join(", ");
        Problem::invalid(format!("there is no such state; the states are {all}"))
    })
}

/// Whether the operator may see every connection of a plan.
fn is_visible(call: &Call, plan: &Plan) -> bool {
    let ids = &plan.frame.connections;
    !call.directory.is_limited()
        || (!ids.is_empty() && ids.keys().all(|id| call.directory.get(*id).is_some()))
}

pub(super) async fn visible(call: &Call, id: i64) -> Result<Plan, Problem> {
    let hidden = || Problem::not_found("no_such_plan", &format!("plan {id}"), "GET /api/v1/plans lists them");
    let found = call.engines.plans.plans(&PlanFilter::one(id), call.engines.now()).await?;
    found.into_iter().find(|plan| is_visible(call, plan)).ok_or_else(hidden)
}
