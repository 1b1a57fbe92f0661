//! What the traits of one identify say, brought to Refersion's names before anything is compared between events.
//!
//! A key is Refersion's field name, or `trait:` and the folded key. A value of none means: cleared.

use std::collections::{BTreeMap, BTreeSet};

use crate::json::{Node, fold_key};
use crate::places::{country_code, us_state_code};

/// What one event states, or what a person is said to be.
pub(crate) type Traits = BTreeMap<String, Option<String>>;

/// Longer texts of custom traits are not kept, since no field of Refersion takes them.
const LONGEST_CUSTOM_TEXT: usize = 255;

/// Longer texts are not taken for a name, a phone number or a part of an address.
const LONGEST_STANDARD_TEXT: usize = 1_000;

/// Folded keys that the standard fields are read from: never custom traits, whatever they hold.
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

/// Refersion's names for the parts of an address, with the folded keys in which each is looked for, in order.
const ADDRESS_PARTS: [(&str, &[&str]); 6] = [
    ("address1", &["street"]),
    ("address2", &["street2"]),
    ("city", &["city"]),
    ("state", &["state"]),
    ("zip", &["postalcode", "zip", "zipcode"]),
    ("country", &["country"]),
];

/// Everything that the `traits` of one identify state.
pub(crate) fn stated(traits: &Node) -> Traits {
    let mut said = Traits::new();
    names(traits, &mut said);
    if let Some(company) = company(traits) {
        state(&mut said, "company", company);
    }
    if let Some(phone) = phone(traits) {
        state(&mut said, "phone", phone);
    }
    places(traits, &mut said);
    customs(traits, &mut said);
    said
}

/// What a standard field is said to be, unless it is too long to be taken for that.
fn state(said: &mut Traits, field: &str, value: Option<String>) {
    if value.as_ref().is_none_or(|value| value.chars().count() <= LONGEST_STANDARD_TEXT) {
        said.insert(field.into(), value);
    }
}

fn names(traits: &Node, said: &mut Traits) {
    let name = traits.at("name").non_empty_text();
    let split = name.map(|name| name.split_once(char::is_whitespace).unwrap_or((name, "")));
    let first = traits.at("firstname").non_empty_text().or(split.map(|(first, _)| first));
    let last = traits.at("lastname").non_empty_text().or(split.map(|(_, rest)| rest.trim()));
    for (field, value) in [("first_name", first), ("last_name", last)] {
        if let Some(value) = value {
            state(said, field, Some(value.into()));
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

fn places(traits: &Node, said: &mut Traits) {
    let address = traits.at("address");
    for (field, keys) in ADDRESS_PARTS {
        let whole =
            if field == "address1" && matches!(address, Node::Text(_)) { text(address) } else { None };
        let part = |holder: &Node| keys.iter().find_map(|key| holder.find(key).and_then(text));
        if let Some(value) = whole.or_else(|| part(address)).or_else(|| part(traits)) {
            state(said, field, value);
        }
    }
    let in_us =
        said.get("country").cloned().flatten().is_none_or(|country| country_code(&country) == Some("US"));
    if let Some(Some(state)) = said.get_mut("state")
        && in_us
        && let Some(code) = us_state_code(state)
    {
        *state = code.into();
    }
    if let Some(Some(country)) = said.get("country") {
        match country_code(country) {
            Some(code) => said.insert("country".into(), Some(code.into())),
            None => said.remove("country"),
        };
    }
}

fn customs(traits: &Node, said: &mut Traits) {
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
        if value.as_ref().is_none_or(|value| value.chars().count() <= LONGEST_CUSTOM_TEXT) {
            said.insert(format!("trait:{key}"), value);
        }
    }
}

/// Outer none: says nothing, as if it were not there. Inner none: cleared.
fn text(node: &Node) -> Option<Option<String>> {
    match node {
        Node::Null => Some(None),
        Node::Text(text) => Some(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Node::Number(text) => Some(Some(text.clone())),
        Node::Bool(_) | Node::List(_) | Node::Object(_) => None,
    }
}
