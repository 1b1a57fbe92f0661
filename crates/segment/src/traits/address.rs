//! The postal address, part by part: from the `address` object, otherwise from top-level traits with the names of the
//! parts.

use super::ParsedTraits;
use crate::event::{IgnoredReason, Trait};
use crate::fields::Fields;
use crate::node::Node;
use crate::text::{self, Statement};

/// The folded keys of each part, in order of precedence. All except `street2`, `zip` and `zipcode` are in Segment's
/// spec.
const PARTS: [(Trait, &[&str]); 6] = [
    (Trait::Street, &["street"]),
    (Trait::Street2, &["street2"]),
    (Trait::City, &["city"]),
    (Trait::State, &["state"]),
    (Trait::PostalCode, &["postalcode", "zip", "zipcode"]),
    (Trait::Country, &["country"]),
];

pub(super) fn read(fields: &Fields<'_>, parsed: &mut ParsedTraits) {
    let address = fields.get("address");
    let inner = Fields::of(address);
    match address {
        // Sources send null if they know no address; only a part of it can be cleared.
        Some(Node::Null) => parsed.ignore("address", IgnoredReason::CannotBeCleared),
        Some(other @ (Node::List(_) | Node::Bool(_) | Node::Number(_))) => {
            parsed.ignore_node("address", other);
        }
        Some(Node::Text(_) | Node::Object(_)) | None => {}
    }
    for (part, keys) in PARTS {
        let statement = as_single_text(&part, address)
            .or_else(|| first(&inner, keys, "address.", parsed))
            .or_else(|| first(fields, keys, "", parsed));
        if let Some(statement) = statement {
            parsed.set(part, statement);
        }
    }
}

/// An address that is a single text cannot be split; it is used as the street.
fn as_single_text(part: &Trait, address: Option<&Node<'_>>) -> Option<Statement> {
    match address {
        Some(node @ Node::Text(_)) if *part == Trait::Street => text::text(node),
        _ => None,
    }
}

/// The statement under the first key that has one. Null is a statement: it clears the part.
fn first(fields: &Fields<'_>, keys: &[&str], prefix: &str, parsed: &mut ParsedTraits) -> Option<Statement> {
    keys.iter().find_map(|key| {
        let node = fields.get(key)?;
        let statement = text::text_or_number(node);
        if statement.is_none() {
            parsed.ignore_node(&format!("{prefix}{key}"), node);
        }
        statement
    })
}
