//! Repairs of dead letters: their revisions, an edit of one, a patch of a selection, and what it would do.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ledger::{Act, DeadLetterState, DeadLetterView};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::reason;
use super::letters::{parse, revealed, visible};
use super::repair_answers::{
    ChangeAnswer, PatchOperation, Revision, RevisionList, SampleAnswer, changes, patch, refused, sample,
};
use crate::api::extract::{Input, Part};
use crate::api::guard::Call;
use crate::api::idempotency::Unkept;
use crate::api::problem::Problem;
use crate::operator::dead_letters::{Selection, act, to_act};
use crate::operator::repairs::{
    Means, Outcome, RepairResult, Repairer, Version, preview, repair_all, revisions, store,
};

/// The first dead letters that were not changed.
const NAMED: usize = 100;

/// How one dead letter is edited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EditInput {
    /// A JSON Patch (RFC 6902).
    #[schema(value_type = Vec<PatchOperation>, max_items = 1000)]
    patch: Box<RawValue>,
    /// The newest revision that was seen; 0 is the original. If there is a newer one, the answer is 409.
    revision: u32,
    /// Why; kept for good in the audit, so no personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// How a selection is patched.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PatchInput {
    /// Terms as in docs/dead-letters.md; not empty. Without a state or ids: open ones.
    #[schema(min_length = 1)]
    selector: String,
    /// A JSON Patch (RFC 6902).
    #[schema(value_type = Vec<PatchOperation>, max_items = 1000)]
    patch: Box<RawValue>,
    /// Why; kept for good in the audit, so no personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// What is tried on a selection.
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

/// A stored repair.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Edited {
    /// The dead letter.
    id: i64,
    /// Its event.
    event_id: Uuid,
    /// The number of the new revision, which a replay sends.
    revision: u32,
}

/// What was patched.
#[derive(Default, Serialize, ToSchema)]
pub(in crate::api) struct PatchedAnswer {
    /// The selector as the audit has it: with its state, with ages as times, without texts that were searched for, and with at
    /// most 20 ids.
    selector: String,
    /// How many dead letters it selected, exactly.
    count: u64,
    /// How many have a new revision.
    done: usize,
    /// How many have none.
    not_done: usize,
    /// How many these are, by reason: `unchanged`, `invalid`, `conflict`, `not_open` or `too_many`.
    reasons: BTreeMap<String, usize>,
    /// The first 100 of them.
    left: Vec<NotPatched>,
}

/// A dead letter that was not changed.
#[derive(Serialize, ToSchema)]
struct NotPatched {
    /// Its id.
    id: i64,
    /// Why, in a word.
    #[schema(value_type = String)]
    reason: &'static str,
}

/// What a patch would do.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct PreviewAnswer {
    /// The selector, with its state, and with ages as times.
    selector: String,
    /// How many dead letters it selects, exactly.
    count: u64,
    /// How many would end in each way: `changed`, `unchanged`, `invalid`, `not_open` or `too_many`.
    results: BTreeMap<String, u64>,
    /// How many would not be changed, by reason in a sentence.
    reasons: BTreeMap<String, u64>,
    /// The three newest with what differs.
    samples: Vec<SampleAnswer>,
}

/// List the revisions of a dead letter with what each differs in from the original. For operators this is unmasked, and audited.
#[utoipa::path(get, path = "/api/v1/dead-letters/{id}/revisions", tag = "dead letters",
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, body = RevisionList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn list_revisions(
    call: Call,
    Part(id): Part<i64>,
) -> Result<Json<RevisionList>, Problem> {
    let (letter, is_masked) = (visible(&call, id).await?, call.is_masked());
    let rows = revisions(&call.engines, &letter).await?;
    if !is_masked && rows.iter().any(|row| row.changes.is_some()) {
        revealed(&call, &[(letter.id, letter.connection)]).await?;
    }
    let revision = |row: crate::operator::repairs::RevisionRow| Revision {
        revision: row.revision,
        at: row.at,
        by: row.by,
        reason: row.reason,
        changes: row.changes.map(|it| changes(it, is_masked)).map(Vec::<ChangeAnswer>::from_iter),
    };
    Ok(Json(RevisionList { count: rows.len(), revisions: rows.into_iter().map(revision).collect() }))
}

/// Change the event of a dead letter by a patch. The original stays; a replay sends the newest revision.
#[utoipa::path(post, path = "/api/v1/dead-letters/{id}/revisions", tag = "dead letters",
    params(("id" = i64, Path, description = "Its id")), request_body = EditInput,
    responses((status = 201, body = Edited)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn edit_dead_letter(
    call: Call,
    Part(id): Part<i64>,
    Input(input): Input<EditInput>,
) -> Result<(StatusCode, Json<Edited>), Problem> {
    let letter = visible(&call, id).await?;
    let (patch, reason) = (patch(&input.patch)?, reason(input.reason)?);
    let version = seen(&call, &letter, input.revision).await?;
    let proposal = repairer(&call).propose(&letter, &version, &Means::Patch(&patch));
    let proposal = proposal.map_err(|why| refused(&why))?;
    let (at, actor, selector) = (call.engines.now(), call.operator.name.clone(), format!("id:{id}"));
    let act = Act { at, actor, selector, reason };
    let stored = store(&call.engines, std::slice::from_ref(&proposal), &act).await?;
    let outcome = stored.into_iter().next().map(|stored| Outcome::of(&letter, stored));
    match outcome {
        Some(Outcome { event_id, result: RepairResult::Changed, revision: Some(revision), .. }) => {
            call.acts_as();
            Ok((StatusCode::CREATED, Json(Edited { id, event_id, revision })))
        }
        other => {
            let word = other.as_ref().map_or("not_open", |outcome| outcome.result.word());
            let detail = other.and_then(|outcome| outcome.reason).unwrap_or_default();
            let hint = "GET /api/v1/dead-letters/{id}/revisions shows what was changed";
            Err(Problem::new(StatusCode::CONFLICT, word, format!("not stored: {detail}"), hint))
        }
    }
}

/// The newest version of an event, if it is the one that the client has seen.
async fn seen(call: &Call, letter: &DeadLetterView, revision: u32) -> Result<Version, Problem> {
    let newest = call.engines.repairs.newest_revisions(&[letter.id]).await?.remove(&letter.id);
    let is_seen = newest.as_ref().map_or(0, |newest| newest.revision) == revision;
    match newest {
        _ if !is_seen => {
            let is = newest.map_or_else(
                || "there is no revision yet".to_owned(),
                |it| format!("{} repaired it at {}: the newest revision is {}", it.by, it.at, it.revision),
            );
            let hint = "GET /api/v1/dead-letters/{id}/revisions shows what was changed";
            Err(Problem::new(StatusCode::CONFLICT, "conflict", is, hint))
        }
        Some(newest) => Ok(Version { revision, payload: newest.payload }),
        None => Ok(Version { revision, payload: letter.payload.clone() }),
    }
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

/// Show what a patch would do: the difference in the three newest, and how many it would change. Nothing is stored; the look at
/// the three is audited.
#[utoipa::path(post, path = "/api/v1/dead-letters/patch/preview", tag = "dead letters", request_body = PreviewInput,
    responses((status = 200, body = PreviewAnswer)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn preview_patch(
    call: Call,
    Input(input): Input<PreviewInput>,
) -> Result<Response, Problem> {
    let patch = patch(&input.patch)?;
    let selection = selected(&call, &input.selector).await?;
    let preview = preview(&call.engines, &repairer(&call), &selection, &patch).await?;
    let shown = preview.samples.0.iter().filter(|sample| sample.changes.is_some());
    let shown: Vec<_> = shown.map(|sample| (sample.id, sample.connection)).collect();
    revealed(&call, &shown).await?;
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
    let selector = to_act(parse(Some(selector))?, DeadLetterState::Open)?;
    Ok(Selection::of(&call.engines, &call.directory, selector).await?)
}

fn repairer(call: &Call) -> Repairer {
    Repairer::new(&call.directory, &call.config.identifiers.blocked_list())
}
