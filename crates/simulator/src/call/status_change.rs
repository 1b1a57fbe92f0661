//! `/affiliate/status_change`: one status for up to 50 affiliates by numeric id.

use serde_json::Value;

use super::complaints::Complaints;
use super::{MAX_ELEMENTS, body, too_many};
use crate::affiliate::Status;
use crate::answer::Answer;
use crate::options::Switches;

/// A well-formed change of status.
#[derive(Debug)]
pub(crate) struct StatusChange {
    pub(crate) ids: Vec<u64>,
    pub(crate) status: Status,
}

pub(super) fn read(bytes: &[u8], switches: &Switches) -> Result<StatusChange, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| ["ids", "status"].contains(&name), switches)?;
    body::required(&object, &["ids", "status"])?;
    let mut complaints = Complaints::default();
    let ids = match &object["ids"] {
        Value::Array(values) if values.is_empty() => return Err(body::missing("ids")),
        Value::Array(values) if values.len() > MAX_ELEMENTS => return Err(too_many()),
        Value::Array(values) => values.iter().filter_map(|value| id(value, &mut complaints)).collect(),
        other => {
            complaints.not_allowed_json(other, "ids");
            Vec::new()
        }
    };
    let status = status(&object["status"], &mut complaints);
    complaints.into_result().map(|()| StatusChange { ids, status })
}

fn id(value: &Value, complaints: &mut Complaints) -> Option<u64> {
    let id = value.as_u64();
    if id.is_none() {
        complaints.not_allowed_json(value, "ids");
    }
    id
}

/// Everything but PENDING, which an affiliate can only begin with.
fn status(value: &Value, complaints: &mut Complaints) -> Status {
    let status = value.as_str().and_then(Status::named).filter(|status| *status != Status::Pending);
    status.unwrap_or_else(|| {
        complaints.not_allowed_json(value, "status");
        Status::Disabled
    })
}
