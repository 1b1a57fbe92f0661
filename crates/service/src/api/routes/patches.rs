//! Patches of many dead letters: applied to a selection, or tried on it.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use ledger::DeadLetterState;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answers::reason;
use super::letters::{parse, samples_revealed};
use super::repair_answers::{PatchOperation, SampleAnswer, patch, sample};
use super::repairs::repairer;
use crate::api::extract::Input;
use crate::api::guard::Call;
use crate::api::idempotency::Unkept;
use crate::api::problem::Problem;
use crate::operator::dead_letters::{Selection, act, to_act};
use crate::operator::repairs::{Outcome, RepairResult, preview, repair_all};

/// The first dead letters that were not changed.
const NAMED: usize = 100;

/// A patch of a selection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PatchInput {
    /// Terms as in docs/dead-letters.md; not empty. Without a state or ids: open ones.
    #[schema(min_length = 1)]
    selector: String,
    /// A JSON Patch (RFC 6902).
    #[schema(value_type = Vec<PatchOperation>, max_items = 1000)]
    patch: Box<RawValue>,
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// A patch to try on a selection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PreviewInput {
    /// Terms as in docs/dead-letters.md; not empty. Without a state or ids: open ones.
    #[schema(min_length = 1)]
    selector: String,
    /// A JSON Patch (RFC 6902).
    #[schema(value_type = Vec<PatchOperation>, max_items = 1000)]
    patch: Box<RawValue>,
}

/// The result of a patch.
#[derive(Default, Serialize, ToSchema)]
pub(in crate::api) struct PatchedAnswer {
    /// The selector as the audit records it: with its state, with ages as times, without search texts, and with at most 20 ids.
    selector: String,
    /// The exact number of selected dead letters.
    count: u64,
    /// Number of dead letters with a new revision.
    done: usize,
    /// Number of dead letters without a new revision.
    not_done: usize,
    /// Number of dead letters without a new revision, by reason: `unchanged`, `invalid`, `conflict`, `not_open` or `too_many`.
    reasons: BTreeMap<String, usize>,
    /// The first 100 dead letters for which it was not done.
    left: Vec<NotPatched>,
}

/// A dead letter that was not changed.
#[derive(Serialize, ToSchema)]
struct NotPatched {
    /// Its id.
    id: i64,
    /// The reason, in a word.
    #[schema(value_type = String)]
    reason: &'static str,
}

/// The effect that a patch would have.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct PreviewAnswer {
    /// The selector, with its state, and with ages as times.
    selector: String,
    /// The exact number of selected dead letters.
    count: u64,
    /// Number of dead letters by result: `changed`, `unchanged`, `invalid`, `not_open` or `too_many`.
    results: BTreeMap<String, u64>,
    /// Number of dead letters that would not be changed, by reason in a sentence.
    reasons: BTreeMap<String, u64>,
    /// The three newest with their differences.
    samples: Vec<SampleAnswer>,
}

/// Change the events of dead letters by a patch. The originals stay; a replay sends the newest revisions.
#[utoipa::path(post, path = "/api/v1/dead-letters/patch", tag = "dead letters", request_body = PatchInput,
    responses((status = 200, body = PatchedAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn patch_dead_letters(
    call: Call,
    Input(input): Input<PatchInput>,
) -> Result<Json<PatchedAnswer>, Problem> {
    let (patch, reason) = (patch(&input.patch)?, reason(input.reason)?);
    let selection = selected(&call, &input.selector).await?;
    let act = act(&call.engines, &call.operator.name, &selection, reason.as_deref());
    let mut answer = PatchedAnswer::default();
    let each = &mut |outcome: Outcome| answer.count(&outcome);
    repair_all(&call.engines, &repairer(&call), &selection, (&patch, &act), each).await?;
    if answer.done > 0 {
        call.acts_as();
    }
    (answer.selector, answer.count) = (act.selector, selection.count);
    Ok(Json(answer))
}

impl PatchedAnswer {
    /// Reasons are words, because answers are kept for repetitions of a request.
    fn count(&mut self, outcome: &Outcome) {
        if outcome.result == RepairResult::Changed {
            self.done += 1;
            return;
        }
        let reason = outcome.result.word();
        self.not_done += 1;
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        if self.left.len() < NAMED {
            self.left.push(NotPatched { id: outcome.id, reason });
        }
    }
}

/// Show the effect of a patch: the differences in the three newest, and how many it would change. Nothing is stored; the access
/// to the three is audited.
#[utoipa::path(post, path = "/api/v1/dead-letters/patch/preview", tag = "dead letters", request_body = PreviewInput,
    responses((status = 200, body = PreviewAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn preview_patch(
    call: Call,
    Input(input): Input<PreviewInput>,
) -> Result<Response, Problem> {
    let patch = patch(&input.patch)?;
    let selection = selected(&call, &input.selector).await?;
    let preview = preview(&call.engines, &repairer(&call), &selection, &patch).await?;
    samples_revealed(&call, &preview.samples.0).await?;
    call.acts_as();
    let results = preview.results.into_iter().map(|(result, count)| (result.word().to_owned(), count));
    let answer = PreviewAnswer {
        selector: selection.selector.to_string(),
        count: selection.count,
        results: results.collect(),
        reasons: preview.reasons,
        samples: preview.samples.0.into_iter().map(sample).collect(),
    };
    let mut response = Json(answer).into_response();
    response.extensions_mut().insert(Unkept);
    Ok(response)
}

async fn selected(call: &Call, selector: &str) -> Result<Selection, Problem> {
    let selector = to_act(parse(call, Some(selector))?, DeadLetterState::Open)?;
    Ok(Selection::of(&call.engines, &call.directory, selector).await?)
}
