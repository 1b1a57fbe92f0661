//! `/affiliate/edit`: up to 50 affiliates by numeric id, each with the fields to change.

use super::json::{Json, Object};
use super::validation::ValidationErrors;
use super::{MAX_ELEMENTS, body, digits, too_many};
use crate::affiliate::Field;
use crate::answer::Answer;
use crate::options::Switches;

/// The changes to one affiliate. Omitted fields stay unchanged; an empty text clears a field.
#[derive(Debug, Default)]
pub(crate) struct Edit {
    pub(crate) id: u64,
    pub(crate) texts: Vec<(Field, String)>,
    pub(crate) offer: Option<u64>,
    /// The id is `None` if the key is not a number; no such custom field exists.
    pub(crate) custom_fields: Vec<(Option<u64>, String)>,
}

/// Reads a request. One malformed item makes Refersion refuse the whole request; an unknown id or a taken address
/// concerns only its own item.
pub(super) fn read(bytes: &[u8], switches: &Switches) -> Result<Vec<Edit>, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| name == "affiliates", switches)?;
    let items = items(object.take("affiliates"))?;
    for item in &items {
        body::known(item, is_known, switches)?;
    }
    for item in &items {
        body::required(item, &["id"])?;
    }
    if items.len() > MAX_ELEMENTS {
        return Err(too_many());
    }
    let mut errors = ValidationErrors::default();
    let edits: Vec<Edit> = items.into_iter().map(|item| edit(item, switches, &mut errors)).collect();
    errors.into_result()?;
    if edits.iter().any(|edit| edit.offer.is_some_and(|offer| !switches.offer_exists(offer))) {
        return Err(unknown_offer());
    }
    Ok(edits)
}

/// Whether an item may have this field. `status`, `password`, `send_welcome` and `unique_merchant_id` are unknown.
fn is_known(name: &str) -> bool {
    Field::named(name).is_some() || ["id", "offer", "custom_fields"].contains(&name)
}

fn items(affiliates: Option<Json<'_>>) -> Result<Vec<Object<'_>>, Answer> {
    let Some(Json::Array(values)) = affiliates else { return Err(body::missing("affiliates")) };
    if values.is_empty() {
        return Err(body::missing("affiliates"));
    }
    let mut errors = ValidationErrors::default();
    let mut items = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Json::Object(item) => items.push(item),
            other => errors.not_allowed_json(&other, "affiliates"),
        }
    }
    errors.into_result().map(|()| items)
}

fn edit(item: Object<'_>, switches: &Switches, errors: &mut ValidationErrors) -> Edit {
    if item.0.len() < 2 {
        errors.add("At least one field besides id is required.");
    }
    let mut edit = Edit::default();
    for (name, value) in item.0 {
        match name.as_ref() {
            "id" => edit.id = numeric_id(&value, switches, errors),
            "offer" => edit.offer = Some(number(&value, "offer", errors)),
            "custom_fields" => edit.custom_fields = custom_fields(value, errors),
            _ => text(&name, value, &mut edit, switches, errors),
        }
    }
    edit
}

fn numeric_id(value: &Json<'_>, switches: &Switches, errors: &mut ValidationErrors) -> u64 {
    let id = number(value, "id", errors);
    if switches.zero_id_is_422 && value.as_u64() == Some(0) {
        errors.not_allowed_json(value, "id");
    }
    id
}

/// Reads a number, not its text. Adds an error for anything else and returns 0, which is no affiliate's id.
fn number(value: &Json<'_>, name: &str, errors: &mut ValidationErrors) -> u64 {
    value.as_u64().unwrap_or_else(|| {
        errors.not_allowed_json(value, name);
        0
    })
}

fn text(name: &str, value: Json<'_>, edit: &mut Edit, switches: &Switches, errors: &mut ValidationErrors) {
    let (Some(field), Some(text)) = (Field::named(name), errors.short_text(&value, name)) else { return };
    errors.check(field, text, switches);
    if let Json::Text(text) = value {
        edit.texts.push((field, text.into_owned()));
    }
}

/// Reads `[{"1234":"Hello World"},{"22222":"me@refersion.com"}]`: objects with one key each.
fn custom_fields(value: Json<'_>, errors: &mut ValidationErrors) -> Vec<(Option<u64>, String)> {
    let Json::Array(entries) = value else {
        errors.not_allowed_json(&value, "custom_fields");
        return Vec::new();
    };
    entries.into_iter().filter_map(|entry| custom_field(entry, errors)).collect()
}

fn custom_field(entry: Json<'_>, errors: &mut ValidationErrors) -> Option<(Option<u64>, String)> {
    let pair = match &entry {
        Json::Object(object) if object.0.len() == 1 => object.0.first(),
        _ => None,
    };
    let Some((key, value)) = pair else {
        errors.not_allowed_json(&entry, "custom_fields");
        return None;
    };
    let text = errors.short_text(value, "custom_fields")?;
    Some((digits(key), text.to_owned()))
}

/// The only error whose `error` is a list. Source: Refersion REST v2, `/affiliate/edit`, 404.
fn unknown_offer() -> Answer {
    let body =
        serde_json::json!({ "error": ["Bad request, no body", "Offer does not exists on the database."] });
    Answer { status: 404, ..Answer::ok(&body) }
}
