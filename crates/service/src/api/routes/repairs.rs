//! Repairs of one dead letter: its revisions, and an edit.

use axum::Json;
use axum::http::StatusCode;
use ledger::{Act, DeadLetterView};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::reason;
use super::letters::{revealed, visible};
use super::repair_answers::{ChangeAnswer, PatchOperation, Revision, RevisionList, changes, patch, refused};
use crate::api::extract::{Input, Part};
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::repairs::{Means, Outcome, RepairResult, Repairer, Version, revisions, store};

/// A repair of one dead letter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EditInput {
    /// A JSON Patch (RFC 6902).
    #[schema(value_type = Vec<PatchOperation>, max_items = 1000)]
    patch: Box<RawValue>,
    /// The newest revision that was seen; 0 is the original. If there is a newer one, the answer is 409.
    revision: u32,
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
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

/// List the revisions of a dead letter with their differences from the original. For operators this is unmasked, and audited.
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

pub(super) fn repairer(call: &Call) -> Repairer {
    Repairer::new(&call.directory, &call.config.identifiers.blocked_list())
}
