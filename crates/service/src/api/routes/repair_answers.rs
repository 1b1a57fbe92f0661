//! Patches, revisions and differences, as the API takes and shows them.

use axum::http::StatusCode;
use jiff::Timestamp;
use repair::{Change, Patch, RepairError};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::mask::MASKED;
use crate::api::problem::Problem;
use crate::operator::repairs::{NotRepaired, Sample};

/// One operation of a JSON Patch.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is the shape of what the crate `repair` reads")]
pub(in crate::api) struct PatchOperation {
    op: PatchWord,
    /// A JSON Pointer, as `/traits/address/country`.
    #[schema(pattern = "^(/([^/~]|~[01])*)*$")]
    path: String,
    /// The value of `add`, `replace` and `test`.
    value: Option<serde_json::Value>,
    /// The JSON Pointer that `move` and `copy` take the value from.
    from: Option<serde_json::Value>,
}

/// The kind of an operation.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is the shape of what the crate `repair` reads")]
enum PatchWord {
    Add,
    Remove,
    Replace,
    Move,
    Copy,
    Test,
}

/// The revisions of a dead letter.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct RevisionList {
    /// Number of revisions, which is the number of the newest one; 0 if the event was never repaired.
    pub(super) count: usize,
    /// All of them, the first one first.
    pub(super) revisions: Vec<Revision>,
}

/// A stored repair.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Revision {
    /// Its number, counted from 1; the original is 0.
    pub(super) revision: u32,
    /// When it was stored.
    pub(super) at: Timestamp,
    /// The actor who stored it.
    pub(super) by: String,
    /// The reason.
    pub(super) reason: Option<String>,
    /// The differences from the original; null after the payloads were dropped or erased.
    pub(super) changes: Option<Vec<ChangeAnswer>>,
}

/// One value that differs.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ChangeAnswer {
    /// A JSON Pointer.
    path: String,
    /// The former value; null if it is new; for viewers `…`.
    #[schema(value_type = serde_json::Value)]
    before: Option<Box<RawValue>>,
    /// The present value; null if it was removed; for viewers `…`.
    #[schema(value_type = serde_json::Value)]
    after: Option<Box<RawValue>>,
}

/// The effect of a patch on one dead letter.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct SampleAnswer {
    /// The dead letter.
    id: i64,
    /// The differences; null if it is not changed.
    changes: Option<Vec<ChangeAnswer>>,
    /// The reason why it is not changed.
    reason: Option<String>,
}

/// Differences as they may be seen.
pub(super) fn changes(changes: Vec<Change>, is_masked: bool) -> impl Iterator<Item = ChangeAnswer> {
    let seen = move |value: Option<Box<RawValue>>| match value {
        Some(value) if is_masked => {
            let masked = serde_json::value::to_raw_value(MASKED);
            Some(masked.unwrap_or_else(|_| value.to_owned()))
        }
        other => other,
    };
    changes.into_iter().map(move |it| ChangeAnswer {
        path: it.path,
        before: seen(it.before),
        after: seen(it.after),
    })
}

pub(super) fn sample(sample: Sample) -> SampleAnswer {
    let shown = sample.changes.map(|it| changes(it, false).collect());
    SampleAnswer { id: sample.id, changes: shown, reason: sample.reason }
}

/// The patch of a body.
pub(super) fn patch(json: &RawValue) -> Result<Patch, Problem> {
    Patch::parse(json.get()).map_err(|error| {
        let (status, hint) = (StatusCode::UNPROCESSABLE_ENTITY, "write it as in RFC 6902");
        Problem::new(status, "patch", error.to_string(), hint)
    })
}

/// Why a dead letter was not repaired.
pub(super) fn refused(why: &NotRepaired) -> Problem {
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let (status, code, hint) = match why {
        NotRepaired::Refused(RepairError::Unchanged) => (wrong, "unchanged", "there is nothing to store"),
        NotRepaired::Refused(RepairError::Locked(_)) => {
            (wrong, "locked", "change other fields, as those under `traits`")
        }
        NotRepaired::Refused(_) => (wrong, "invalid", "nothing was changed; correct it and send it again"),
        NotRepaired::NotOpen => {
            (StatusCode::CONFLICT, "not_open", "GET /api/v1/dead-letters/{id} shows its state")
        }
        NotRepaired::NoPayload => (StatusCode::CONFLICT, "no_payload", "there is nothing left to repair"),
    };
    Problem::new(status, code, why.to_string(), hint)
}
