//! The company's name: a text, or the `name` in Segment's reserved `company` object.

use super::Said;
use crate::event::Trait;
use crate::fields::Fields;
use crate::node::Node;
use crate::text;

pub(super) fn read(fields: &Fields<'_>, said: &mut Said) {
    let Some(company) = fields.get("company") else { return };
    let name = match company {
        Node::Object(_) => Fields::of(Some(company)).get("name"),
        _ => Some(company),
    };
    match name.and_then(text::told) {
        Some(told) => said.tell(Trait::Company, told),
        None => said.ignore_node("company", name.unwrap_or(company)),
    }
}
