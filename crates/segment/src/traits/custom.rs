//! All other traits with a single value: plan names, counters, Engage's audience flags.
//!
//! They are kept whether or not they are mapped to a Refersion field, so that a mapping that is added later applies
//! at once.

use super::ParsedTraits;
use crate::event::{IgnoredReason, Trait};
use crate::fields::{Field, Fields};
use crate::node::Node;
use crate::text::Statement;

/// Maximum length of a key and of a value, in characters. The limit for values is that of a Refersion custom field.
const MAX_CHARS: usize = 255;

/// Folded keys of the standard traits, and `email`, which is an identifier.
pub(super) const STANDARD_KEYS: [&str; 16] = [
    "address",
    "city",
    "company",
    "country",
    "email",
    "firstname",
    "lastname",
    "name",
    "phone",
    "phones",
    "postalcode",
    "state",
    "street",
    "street2",
    "zip",
    "zipcode",
];

pub(super) fn read(fields: &Fields<'_>, parsed: &mut ParsedTraits) {
    for (key, field) in fields.iter().filter(|(key, _)| !STANDARD_KEYS.contains(&key.as_str())) {
        read_one(key, field, parsed);
    }
}

fn read_one(key: &str, field: &Field<'_>, parsed: &mut ParsedTraits) {
    let Some(statement) = single_value(field.node) else {
        return parsed.ignore_node(key, field.node);
    };
    if is_too_long(key) || statement.as_deref().is_some_and(is_too_long) {
        return parsed.ignore(key, IgnoredReason::TooLong);
    }
    parsed.set(Trait::Custom(key.to_owned()), statement);
    parsed.spellings.insert(key.to_owned(), field.written.to_owned());
}

/// The statement of a single value. Unlike a standard trait, a custom one may be empty: only null clears it.
fn single_value(node: &Node<'_>) -> Option<Statement> {
    match node {
        Node::Null => Some(None),
        Node::Text(text) => Some(Some(text.trim().to_owned())),
        Node::Bool(value) => Some(Some(value.to_string())),
        Node::Number(number) => Some(Some(number.to_string())),
        Node::List(_) | Node::Object(_) => None,
    }
}

fn is_too_long(text: &str) -> bool {
    text.chars().count() > MAX_CHARS
}
