//! Every other trait with a single value: plan names, counters, Engage's audience flags.
//!
//! They are kept whether somebody maps them to a Refersion field or not, so that mapping one later delivers it at once.

use super::Said;
use crate::event::{Trait, WhyIgnored};
use crate::fields::{Field, Fields};
use crate::node::Node;
use crate::text::Told;

/// The longest key, and the longest value, in characters. The value's limit is that of a Refersion custom field.
const MAX_CHARS: usize = 255;

/// Folded keys that the other readers have dealt with, used or not, and `email`, which is an identifier.
pub(super) const SPOKEN_FOR: [&str; 16] = [
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

pub(super) fn read(fields: &Fields<'_>, said: &mut Said) {
    for (key, field) in fields.iter().filter(|(key, _)| !SPOKEN_FOR.contains(&key.as_str())) {
        keep(key, field, said);
    }
}

fn keep(key: &str, field: &Field<'_>, said: &mut Said) {
    let Some(told) = single_value(field.node) else {
        return said.ignore_node(key, field.node);
    };
    if is_too_long(key) || told.as_deref().is_some_and(is_too_long) {
        return said.ignore(key, WhyIgnored::TooLong);
    }
    said.tell(Trait::Custom(key.to_owned()), told);
    said.spellings.insert(key.to_owned(), field.written.to_owned());
}

/// Unlike a standard trait, a custom one may be said to be empty: `""` is a value, only null clears.
fn single_value(node: &Node<'_>) -> Option<Told> {
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
