//! The postal address in one identify, in the shapes of Segment, Refersion, Shopify, Stripe and WooCommerce.

use crate::Settings;
use crate::json::Node;
use crate::places::{country_code, looks_like_a_state, us_state_code};
use crate::sources::sources;
use crate::traits::{ADDRESS_PARTS, ADDRESSES, Part, Traits, first_value, mapped, prefixed, state, text};

/// Records the parts of the address.
pub(crate) fn places(event: &Node, settings: &Settings, stated: &mut Traits) {
    for part in &ADDRESS_PARTS {
        let read = reader(part.0);
        let mapped = first_value(mapped(event, settings, part.0).into_iter().filter_map(read));
        if let Some(value) = mapped.or_else(|| sources(event).into_iter().find_map(|it| in_source(it, part)))
        {
            state(stated, part.0, value);
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

fn in_source(source: &Node, part: &Part) -> Option<Option<String>> {
    let (field, inside, flat) = part;
    let read = reader(field);
    let mut statements = Vec::new();
    if *field == "address1" {
        let whole = source.all("address").into_iter().find(|node| matches!(node, Node::Text(_)));
        statements.extend(whole.and_then(text));
    }
    let usable = |key: &str, node: &Node| key != "countrycode" || is_country_code(node);
    if let Some(address) = address_in(source) {
        let nodes = inside.iter().flat_map(|key| address.all(key).into_iter().map(move |node| (*key, node)));
        statements.extend(nodes.filter(|(key, node)| usable(key, node)).filter_map(|(_, node)| read(node)));
    }
    let mut members: Vec<_> = source.members().iter().map(|(key, node)| (&key.folded, node)).collect();
    members.sort_by_key(|(key, _)| *key);
    for key in *inside {
        let mine = members.iter().filter(|(written, node)| prefixed(written, key) && usable(key, node));
        statements.extend(mine.filter_map(|(_, node)| read(node)));
    }
    let flat = flat.iter().flat_map(|key| source.all(key)).filter_map(read);
    let is_meant =
        |value: &Option<String>| *field != "state" || value.as_deref().is_none_or(looks_like_a_state);
    statements.extend(flat.filter(is_meant));
    first_value(statements)
}

/// The first object under the keys of addresses that contains a value; without one, the first object.
fn address_in(source: &Node) -> Option<&Node> {
    let objects = ADDRESSES.iter().flat_map(|key| source.all(key)).filter_map(|node| match node {
        Node::Object(_) => Some(node),
        Node::List(items) => {
            let objects = || items.iter().filter(|item| item.is_object());
            let default = objects().find(|item| item.all("default").contains(&&Node::Bool(true)));
            default.or_else(|| objects().next())
        }
        _ => None,
    });
    let objects: Vec<&Node> = objects.collect();
    let blank =
        |node: &&Node| **node == Node::Null || matches!(node, Node::Text(text) if text.trim().is_empty());
    let has_value = |object: &&&Node| {
        let keys = ADDRESS_PARTS.iter().flat_map(|(_, inside, _)| *inside);
        keys.into_iter().flat_map(|key| object.all(key)).any(|node| !blank(&node))
    };
    objects.iter().find(has_value).or(objects.first()).copied()
}

fn is_country_code(node: &Node) -> bool {
    let is_code = |text: &str| [2, 3].contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphabetic());
    matches!(node, Node::Text(text) if is_code(text.trim()))
}

fn reader(field: &str) -> fn(&Node) -> Option<Option<String>> {
    if field == "country" { country } else { text }
}

/// A country may be an object.
fn country(node: &Node) -> Option<Option<String>> {
    let Node::Object(_) = node else { return text(node) };
    let keys = ["code", "iso2", "alpha2", "iso", "countrycode", "name", "countryname"];
    let texts =
        keys.into_iter().flat_map(|key| node.all(key)).filter(|node| !matches!(node, Node::Number(_)));
    first_value(texts.filter_map(text))
}
