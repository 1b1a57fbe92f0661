//! `/affiliate/status_change`: one status for up to 50 affiliates by numeric id.

use super::json::Json;
use super::validation::ValidationErrors;
use super::{MAX_ELEMENTS, body, too_many};
use crate::affiliate::Status;
use crate::answer::Answer;
use crate::options::Switches;

/// A valid change of status.
#[derive(Debug)]
pub(crate) struct StatusChange {
    pub(crate) ids: Vec<u64>,
    pub(crate) status: Status,
}

pub(super) fn read(bytes: &[u8], switches: &Switches) -> Result<StatusChange, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| ["ids", "status"].contains(&name), switches)?;
    let (Some(ids), Some(status)) = (object.get("ids"), object.get("status")) else {
        return Err(body::missing(if object.get("ids").is_none() { "ids" } else { "status" }));
    };
    let mut errors = ValidationErrors::default();
    let ids = match ids {
        Json::Array(values) if values.is_empty() => return Err(body::missing("ids")),
        Json::Array(values) if values.len() > MAX_ELEMENTS => return Err(too_many()),
        Json::Array(values) => values.iter().filter_map(|value| id(value, switches, &mut errors)).collect(),
        other => {
            errors.not_allowed_json(other, "ids");
            Vec::new()
        }
    };
    let status = read_status(status, &mut errors);
    errors.into_result().map(|()| StatusChange { ids, status })
}

fn id(value: &Json<'_>, switches: &Switches, errors: &mut ValidationErrors) -> Option<u64> {
    let id = value.as_u64().filter(|id| *id > 0 || !switches.zero_id_is_422);
    if id.is_none() {
        errors.not_allowed_json(value, "ids");
    }
    id
}

/// Reads any status except PENDING, which only a create can set.
fn read_status(value: &Json<'_>, errors: &mut ValidationErrors) -> Status {
    let status = value.as_text().and_then(Status::named).filter(|status| *status != Status::Pending);
    status.unwrap_or_else(|| {
        errors.not_allowed_json(value, "status");
        Status::Disabled
    })
}
