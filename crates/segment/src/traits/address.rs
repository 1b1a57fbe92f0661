//! The postal address, part by part: from the `address` object, else from flat traits of the parts' names.

use super::Said;
use crate::event::Trait;
use crate::fields::Fields;
use crate::node::Node;
use crate::text::{Told, told, told_text_or_number};

/// Each part with its folded keys, the most preferred first. All but `street2`, `zip` and `zipcode` are Segment's own.
const PARTS: [(Trait, &[&str]); 6] = [
    (Trait::Street, &["street"]),
    (Trait::Street2, &["street2"]),
    (Trait::City, &["city"]),
    (Trait::State, &["state"]),
    (Trait::PostalCode, &["postalcode", "zip", "zipcode"]),
    (Trait::Country, &["country"]),
];

pub(super) fn read(fields: &Fields<'_>, said: &mut Said) {
    let address = fields.get("address");
    let inner = Fields::of(address);
    if let Some(odd @ (Node::List(_) | Node::Bool(_) | Node::Number(_))) = address {
        said.ignore_node("address", odd);
    }
    for (part, keys) in PARTS {
        let found = as_one_text(&part, address)
            .or_else(|| first(&inner, keys, "address.", said))
            .or_else(|| first(fields, keys, "", said))
            .or_else(|| cleared_as_a_whole(address));
        if let Some(told) = found {
            said.tell(part, told);
        }
    }
}

/// An address that is one text cannot be taken apart; it goes where the street goes.
fn as_one_text(part: &Trait, address: Option<&Node<'_>>) -> Option<Told> {
    match address {
        Some(text @ Node::Text(_)) if *part == Trait::Street => told(text),
        _ => None,
    }
}

/// The first of the keys that tells something. Null does: it clears the part.
fn first(fields: &Fields<'_>, keys: &[&str], place: &str, said: &mut Said) -> Option<Told> {
    keys.iter().find_map(|key| {
        let node = fields.get(key)?;
        let told = told_text_or_number(node);
        if told.is_none() {
            said.ignore_node(&format!("{place}{key}"), node);
        }
        told
    })
}

/// Null for the address is null for each part that nothing else speaks of.
fn cleared_as_a_whole(address: Option<&Node<'_>>) -> Option<Told> {
    matches!(address, Some(Node::Null)).then_some(None)
}
