//! The first checks of every body: not empty, JSON, only known fields, all required fields.

use super::json::{Json, Object};
use crate::answer::Answer;
use crate::options::Switches;

/// Reads the JSON object that every operation expects.
pub(super) fn object(body: &[u8]) -> Result<Object<'_>, Answer> {
    if body.is_empty() {
        return Err(Answer::error(404, "Bad request, no body"));
    }
    match serde_json::from_slice(body) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(Answer::error(400, "Invalid JSON")),
    }
}

/// Refuses unknown fields with 204, which looks like success to a client library.
pub(super) fn known(
    object: &Object<'_>,
    is_known: impl Fn(&str) -> bool,
    switches: &Switches,
) -> Result<(), Answer> {
    match object.names().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) if switches.unknown_field_is_422 => {
            Err(Answer::refused(&[format!("Invalid field {name}")]))
        }
        Some(_) => Err(Answer::no_content()),
    }
}

pub(super) fn required(object: &Object<'_>, names: &[&str]) -> Result<(), Answer> {
    match names.iter().find(|name| object.get(name).is_none()) {
        None => Ok(()),
        Some(name) => Err(missing(name)),
    }
}

pub(super) fn missing(name: &str) -> Answer {
    Answer::error(400, &format!("Missing required field {name}"))
}
