//! The traits of one identify under Refersion's names, normalized before events are compared.
//!
//! A key is Refersion's field name, or `trait:` and the folded key. `None` as a value clears the trait.

use std::collections::{BTreeMap, BTreeSet};

use crate::json::{Node, fold_key};
use crate::places::{country_code, us_state_code};

/// The traits of one event or of one person.
pub(crate) type Traits = BTreeMap<String, Option<String>>;

/// Maximum length of a custom trait in characters; no field of Refersion accepts a longer text.
const MAX_CUSTOM_CHARS: usize = 255;

/// Maximum length of a standard trait in characters; longer texts are not names, phone numbers or parts of an address.
const MAX_STANDARD_CHARS: usize = 1_000;

/// Folded keys of the standard fields, which are never custom traits.
const STANDARD_KEYS: [&str; 16] = [
    "email",
    "name",
    "firstname",
    "lastname",
    "company",
    "phone",
    "phones",
    "address",
    "street",
    "street2",
    "city",
    "state",
    "postalcode",
    "zip",
    "zipcode",
    "country",
];

/// Refersion's names for the parts of an address, each with its folded keys in order of precedence.
const ADDRESS_PARTS: [(&str, &[&str]); 6] = [
    ("address1", &["street"]),
    ("address2", &["street2"]),
    ("city", &["city"]),
    ("state", &["state"]),
    ("zip", &["postalcode", "zip", "zipcode"]),
    ("country", &["country"]),
];

/// All statements in the `traits` of one identify.
pub(crate) fn stated(traits: &Node) -> Traits {
    let mut stated = Traits::new();
    names(traits, &mut stated);
    if let Some(company) = company(traits) {
        state(&mut stated, "company", company);
    }
    if let Some(phone) = phone(traits) {
        state(&mut stated, "phone", phone);
    }
    places(traits, &mut stated);
    customs(traits, &mut stated);
    stated
}

/// Records the value of a standard field, unless it is too long for one.
fn state(stated: &mut Traits, field: &str, value: Option<String>) {
    if value.as_ref().is_none_or(|value| value.chars().count() <= MAX_STANDARD_CHARS) {
        stated.insert(field.into(), value);
    }
}

fn names(traits: &Node, stated: &mut Traits) {
    let name = traits.at("name").non_empty_text();
    let split = name.map(|name| name.split_once(char::is_whitespace).unwrap_or((name, "")));
    let first = traits.at("firstname").non_empty_text().or(split.map(|(first, _)| first));
    let last = traits.at("lastname").non_empty_text().or(split.map(|(_, rest)| rest.trim()));
    for (field, value) in [("first_name", first), ("last_name", last)] {
        if let Some(value) = value {
            state(stated, field, Some(value.into()));
        }
    }
}

fn company(traits: &Node) -> Option<Option<String>> {
    let company = traits.find("company")?;
    let company = if let Node::Object(_) = company { company.find("name")? } else { company };
    match company {
        Node::Number(_) => None,
        other => text(other),
    }
}

fn phone(traits: &Node) -> Option<Option<String>> {
    traits.find("phone").and_then(text).or_else(|| {
        let Node::List(phones) = traits.at("phones") else { return None };
        match phones.first()? {
            object @ Node::Object(_) => {
                ["value", "number"].iter().find_map(|key| object.find(key).and_then(text))
            }
            other => text(other),
        }
    })
}

fn places(traits: &Node, stated: &mut Traits) {
    let address = traits.at("address");
    for (field, keys) in ADDRESS_PARTS {
        let whole =
            if field == "address1" && matches!(address, Node::Text(_)) { text(address) } else { None };
        let part = |holder: &Node| keys.iter().find_map(|key| holder.find(key).and_then(text));
        if let Some(value) = whole.or_else(|| part(address)).or_else(|| part(traits)) {
            state(stated, field, value);
        }
    }
    let in_us =
        stated.get("country").cloned().flatten().is_none_or(|country| country_code(&country) == Some("US"));
    if let Some(Some(state)) = stated.get_mut("state")
        && in_us
        && let Some(code) = us_state_code(state)
    {
        *state = code.into();
    }
    if let Some(Some(country)) = stated.get("country") {
        match country_code(country) {
            Some(code) => stated.insert("country".into(), Some(code.into())),
            None => stated.remove("country"),
        };
    }
}

fn customs(traits: &Node, stated: &mut Traits) {
    let mut seen: BTreeSet<String> = STANDARD_KEYS.into_iter().map(String::from).collect();
    for (key, value) in traits.members() {
        let key = fold_key(key);
        if !seen.insert(key.clone()) {
            continue;
        }
        let value = match value {
            Node::Null => None,
            Node::Bool(flag) => Some(flag.to_string()),
            Node::Number(text) => Some(text.clone()),
            Node::Text(text) => Some(text.trim().to_owned()),
            Node::List(_) | Node::Object(_) => continue,
        };
        if value.as_ref().is_none_or(|value| value.chars().count() <= MAX_CUSTOM_CHARS) {
            stated.insert(format!("trait:{key}"), value);
        }
    }
}

/// The statement about a text field. Outer `None`: no statement. Inner `None`: cleared.
fn text(node: &Node) -> Option<Option<String>> {
    match node {
        Node::Null => Some(None),
        Node::Text(text) => Some(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Node::Number(text) => Some(Some(text.clone())),
        Node::Bool(_) | Node::List(_) | Node::Object(_) => None,
    }
}
