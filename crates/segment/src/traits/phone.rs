//! The phone number: `phone`, otherwise the first of `phones`. Many sources send a number.

use super::ParsedTraits;
use crate::event::Trait;
use crate::fields::Fields;
use crate::node::Node;
use crate::text::{Statement, text_or_number};

pub(super) fn read(fields: &Fields<'_>, parsed: &mut ParsedTraits) {
    let statement = read_key(fields, "phone", text_or_number, parsed)
        .or_else(|| read_key(fields, "phones", first_of, parsed));
    if let Some(statement) = statement {
        parsed.set(Trait::Phone, statement);
    }
}

fn read_key(
    fields: &Fields<'_>,
    key: &str,
    read: fn(&Node<'_>) -> Option<Statement>,
    parsed: &mut ParsedTraits,
) -> Option<Statement> {
    let node = fields.get(key)?;
    let statement = read(node);
    if statement.is_none() {
        parsed.ignore_node(key, node);
    }
    statement
}

fn first_of(phones: &Node<'_>) -> Option<Statement> {
    let Node::List(phones) = phones else { return None };
    let first = phones.first()?;
    match first {
        Node::Object(_) => {
            let fields = Fields::of(Some(first));
            ["value", "number"].into_iter().find_map(|key| text_or_number(fields.get(key)?))
        }
        _ => text_or_number(first),
    }
}
