//! The phone number: `phone`, else the first of `phones`. Many sources send a number.

use super::Said;
use crate::event::Trait;
use crate::fields::Fields;
use crate::node::Node;
use crate::text::{Told, told_text_or_number};

pub(super) fn read(fields: &Fields<'_>, said: &mut Said) {
    let told =
        told(fields, "phone", told_text_or_number, said).or_else(|| told(fields, "phones", first_of, said));
    if let Some(told) = told {
        said.tell(Trait::Phone, told);
    }
}

fn told(
    fields: &Fields<'_>,
    key: &str,
    read: fn(&Node<'_>) -> Option<Told>,
    said: &mut Said,
) -> Option<Told> {
    let node = fields.get(key)?;
    let told = read(node);
    if told.is_none() {
        said.ignore_node(key, node);
    }
    told
}

fn first_of(phones: &Node<'_>) -> Option<Told> {
    let Node::List(phones) = phones else { return None };
    let first = phones.first()?;
    match first {
        Node::Object(_) => {
            let fields = Fields::of(Some(first));
            ["value", "number"].into_iter().find_map(|key| told_text_or_number(fields.get(key)?))
        }
        _ => told_text_or_number(first),
    }
}
