//! `/affiliate/get`, `/affiliate/search` and `/affiliate/list`: reads that are `POST` requests with a body.

use super::json::{Json, Object};
use super::validation::ValidationErrors;
use super::{body, digits};
use crate::answer::Answer;
use crate::options::Switches;

/// The identifier of a `get`.
#[derive(Debug)]
pub(crate) enum LookupBy {
    Id(u64),
    Code(String),
}

/// A valid search. Missing filters are empty.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) keyword: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// From 1.
    pub(crate) page: usize,
}

/// A valid list.
#[derive(Debug)]
pub(crate) struct List {
    /// From 1 to 100.
    pub(crate) limit: usize,
    /// From 1.
    pub(crate) page: usize,
}

/// Maximum number of affiliates on a page of `list`. Source: Refersion REST v2, `/affiliate/list`, `limit`.
const MAX_LIMIT: usize = 100;
/// The documented default, presumably a sample value.
const DEFAULT_LIMIT: usize = 3;

pub(super) fn read_get(bytes: &[u8], switches: &Switches) -> Result<LookupBy, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| ["id", "affiliate_code"].contains(&name), switches)?;
    match (object.get("id"), object.get("affiliate_code")) {
        (Some(id), _) => match numeric_id(id) {
            Some(0) if switches.zero_id_is_422 => {
                Err(Answer::refused(&["0 is not a allowed value for field id"]))
            }
            Some(id) => Ok(LookupBy::Id(id)),
            // A code under `id` is not the numeric id of any affiliate.
            None => Err(not_found()),
        },
        (None, Some(Json::Text(code))) => Ok(LookupBy::Code(code.to_string())),
        (None, Some(_)) => Err(not_found()),
        (None, None) => Err(Answer::refused(&["Request filter not provided."])),
    }
}

/// Reads an integer or a string of digits: the schema says string, the example shows an integer.
fn numeric_id(value: &Json<'_>) -> Option<u64> {
    value.as_u64().or_else(|| digits(value.as_text()?))
}

/// The error for an unknown affiliate. Source: Refersion REST v2, `/affiliate/get`, 422.
pub(crate) fn not_found() -> Answer {
    Answer::refused(&["Affiliate not found."])
}

pub(super) fn read_search(bytes: &[u8], switches: &Switches) -> Result<Search, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| ["keyword", "first_name", "last_name", "page"].contains(&name), switches)?;
    body::required(&object, &["keyword"])?;
    let mut errors = ValidationErrors::default();
    let mut text = |name| errors.text(&object, name).unwrap_or_default().to_owned();
    let (keyword, first_name, last_name) = (text("keyword"), text("first_name"), text("last_name"));
    if keyword.is_empty() {
        errors.add("The keyword field is required.");
    }
    let page = positive(&object, "page", switches, &mut errors).unwrap_or(1);
    errors.into_result().map(|()| Search { keyword, first_name, last_name, page })
}

pub(super) fn read_list(bytes: &[u8], switches: &Switches) -> Result<List, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| ["limit", "page"].contains(&name), switches)?;
    let mut errors = ValidationErrors::default();
    let limit = positive(&object, "limit", switches, &mut errors).unwrap_or(DEFAULT_LIMIT);
    if limit > MAX_LIMIT && !switches.list_limit_is_capped {
        errors.not_allowed(&limit.to_string(), "limit");
    }
    let page = positive(&object, "page", switches, &mut errors).unwrap_or(1);
    errors.into_result().map(|()| List { limit: limit.min(MAX_LIMIT), page })
}

/// Reads a positive number that is written as a string of digits. `None` if it is missing or invalid; adds an error
/// if it is invalid.
fn positive(
    object: &Object<'_>,
    name: &str,
    switches: &Switches,
    errors: &mut ValidationErrors,
) -> Option<usize> {
    let value = object.get(name)?;
    let number = match value {
        Json::Text(text) => digits(text),
        Json::Number(number) if switches.integer_pages => number.as_u64(),
        _ => None,
    };
    let number = number.and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
    if number.is_none() {
        errors.not_allowed_json(value, name);
    }
    number
}
