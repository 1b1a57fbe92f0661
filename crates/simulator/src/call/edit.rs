//! `/affiliate/edit`: up to 50 affiliates by numeric id, each with the fields to change.

use super::complaints::Complaints;
use super::json::{Json, Object};
use super::{MAX_ELEMENTS, body, too_many};
use crate::affiliate::Field;
use crate::answer::Answer;
use crate::options::Switches;

/// What to change about one affiliate. Omitted fields stay; an empty text clears.
#[derive(Debug, Default)]
pub(crate) struct Edit {
    pub(crate) id: u64,
    pub(crate) texts: Vec<(Field, String)>,
    pub(crate) offer: Option<u64>,
    /// The id is `None` where the key is no number, and so no custom field that could exist.
    pub(crate) custom_fields: Vec<(Option<u64>, String)>,
}

/// One malformed item refuses the whole request; an unknown id or a taken address only keeps its own item out.
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
    let mut complaints = Complaints::default();
    let edits: Vec<Edit> = items.into_iter().map(|item| edit(item, switches, &mut complaints)).collect();
    complaints.into_result()?;
    if edits.iter().any(|edit| edit.offer.is_some_and(|offer| !switches.offer_exists(offer))) {
        return Err(unknown_offer());
    }
    Ok(edits)
}

/// `status`, `password`, `send_welcome` and `unique_merchant_id` are not among them.
fn is_known(name: &str) -> bool {
    Field::named(name).is_some() || ["id", "offer", "custom_fields"].contains(&name)
}

fn items(affiliates: Option<Json<'_>>) -> Result<Vec<Object<'_>>, Answer> {
    let Some(Json::Array(values)) = affiliates else { return Err(body::missing("affiliates")) };
    if values.is_empty() {
        return Err(body::missing("affiliates"));
    }
    let mut complaints = Complaints::default();
    let mut items = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Json::Object(item) => items.push(item),
            other => complaints.not_allowed_json(&other, "affiliates"),
        }
    }
    complaints.into_result().map(|()| items)
}

fn edit(item: Object<'_>, switches: &Switches, complaints: &mut Complaints) -> Edit {
    if item.0.len() < 2 {
        complaints.say("At least one field besides id is required.");
    }
    let mut edit = Edit::default();
    for (name, value) in item.0 {
        match name.as_ref() {
            "id" => edit.id = number(&value, "id", complaints),
            "offer" => edit.offer = Some(number(&value, "offer", complaints)),
            "custom_fields" => edit.custom_fields = custom_fields(value, complaints),
            _ => text(&name, value, &mut edit, switches, complaints),
        }
    }
    edit
}

/// A number, not its text. Numbers that are no id are complained about and read as 0, which is nobody's.
fn number(value: &Json<'_>, name: &str, complaints: &mut Complaints) -> u64 {
    value.as_u64().unwrap_or_else(|| {
        complaints.not_allowed_json(value, name);
        0
    })
}

fn text(name: &str, value: Json<'_>, edit: &mut Edit, switches: &Switches, complaints: &mut Complaints) {
    let (Some(field), Some(text)) = (Field::named(name), complaints.short_text(&value, name)) else { return };
    complaints.check(field, text, switches);
    if let Json::Text(text) = value {
        edit.texts.push((field, text.into_owned()));
    }
}

/// `[{"1234":"Hello World"},{"22222":"me@refersion.com"}]`: objects of one key each.
fn custom_fields(value: Json<'_>, complaints: &mut Complaints) -> Vec<(Option<u64>, String)> {
    let Json::Array(entries) = value else {
        complaints.not_allowed_json(&value, "custom_fields");
        return Vec::new();
    };
    entries.into_iter().filter_map(|entry| custom_field(entry, complaints)).collect()
}

fn custom_field(entry: Json<'_>, complaints: &mut Complaints) -> Option<(Option<u64>, String)> {
    let pair = match &entry {
        Json::Object(object) if object.0.len() == 1 => object.0.first(),
        _ => None,
    };
    let Some((key, value)) = pair else {
        complaints.not_allowed_json(&entry, "custom_fields");
        return None;
    };
    let text = complaints.short_text(value, "custom_fields")?;
    Some((key.parse().ok(), text.to_owned()))
}

/// The one error whose `error` is a list. Source: Refersion REST v2, `/affiliate/edit`, 404.
fn unknown_offer() -> Answer {
    let body =
        serde_json::json!({ "error": ["Bad request, no body", "Offer does not exists on the database."] });
    Answer { status: 404, ..Answer::ok(&body) }
}
