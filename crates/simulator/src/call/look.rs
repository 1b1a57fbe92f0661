//! `/affiliate/get`, `/affiliate/search` and `/affiliate/list`: reads, which are `POST` with a body all the same.

use super::body;
use super::complaints::Complaints;
use super::json::{Json, Object};
use crate::answer::Answer;
use crate::options::Switches;

/// Which affiliate `get` asks for.
#[derive(Debug)]
pub(crate) enum Which {
    Id(u64),
    Code(String),
}

/// A well-formed search. Absent filters are empty.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) keyword: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// From 1.
    pub(crate) page: usize,
}

/// A well-formed list.
#[derive(Debug)]
pub(crate) struct List {
    /// From 1 to 100.
    pub(crate) limit: usize,
    /// From 1.
    pub(crate) page: usize,
}

/// The longest page of `list`. Source: Refersion REST v2, `/affiliate/list`, `limit`.
const MAX_LIMIT: usize = 100;
/// The default that Refersion publishes, presumably a sample value.
const DEFAULT_LIMIT: usize = 3;

pub(super) fn read_get(bytes: &[u8], switches: &Switches) -> Result<Which, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| ["id", "affiliate_code"].contains(&name), switches)?;
    match (object.get("id"), object.get("affiliate_code")) {
        (Some(id), _) => match numeric_id(id) {
            Some(id) => Ok(Which::Id(id)),
            // A code under `id` is nobody's numeric id.
            None => Err(not_found()),
        },
        (None, Some(Json::Text(code))) => Ok(Which::Code(code.to_string())),
        (None, Some(_)) => Err(not_found()),
        (None, None) => Err(Answer::refused(&["Request filter not provided."])),
    }
}

/// The schema says string, the example shows an integer: both are taken.
fn numeric_id(value: &Json<'_>) -> Option<u64> {
    value.as_u64().or_else(|| value.as_text()?.parse().ok())
}

/// Source: Refersion REST v2, `/affiliate/get`, 422.
pub(crate) fn not_found() -> Answer {
    Answer::refused(&["Affiliate not found."])
}

pub(super) fn read_search(bytes: &[u8], switches: &Switches) -> Result<Search, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| ["keyword", "first_name", "last_name", "page"].contains(&name), switches)?;
    body::required(&object, &["keyword"])?;
    let mut complaints = Complaints::default();
    let mut text = |name| complaints.text(&object, name).unwrap_or_default().to_owned();
    let (keyword, first_name, last_name) = (text("keyword"), text("first_name"), text("last_name"));
    if keyword.is_empty() {
        complaints.say("The keyword field is required.");
    }
    let page = count(&object, "page", 1, switches, &mut complaints);
    complaints.into_result().map(|()| Search { keyword, first_name, last_name, page })
}

pub(super) fn read_list(bytes: &[u8], switches: &Switches) -> Result<List, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| ["limit", "page"].contains(&name), switches)?;
    let mut complaints = Complaints::default();
    let limit = count(&object, "limit", DEFAULT_LIMIT, switches, &mut complaints).min(MAX_LIMIT);
    let page = count(&object, "page", 1, switches, &mut complaints);
    complaints.into_result().map(|()| List { limit, page })
}

/// A positive number, written as a string.
fn count(
    object: &Object<'_>,
    name: &str,
    default: usize,
    switches: &Switches,
    complaints: &mut Complaints,
) -> usize {
    let Some(value) = object.get(name) else { return default };
    let count = match value {
        Json::Text(text) => text.parse().ok(),
        Json::Number(number) if switches.integer_pages => {
            number.as_u64().and_then(|number| usize::try_from(number).ok())
        }
        _ => None,
    };
    count.filter(|count| *count > 0).unwrap_or_else(|| {
        complaints.not_allowed_json(value, name);
        default
    })
}
