//! The postal address, part by part: from the `address` object, else from flat traits of the parts' names.

use super::Said;
use crate::event::{Trait, WhyIgnored};
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
    match address {
        // Sources send it where they know no address; only a part can be cleared.
        Some(Node::Null) => said.ignore("address", WhyIgnored::CannotBeCleared),
        Some(odd @ (Node::List(_) | Node::Bool(_) | Node::Number(_))) => said.ignore_node("address", odd),
        Some(Node::Text(_) | Node::Object(_)) | None => {}
    }
    for (part, keys) in PARTS {
        let found = as_one_text(&part, address)
            .or_else(|| first(&inner, keys, "address.", said))
            .or_else(|| first(fields, keys, "", said));
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
