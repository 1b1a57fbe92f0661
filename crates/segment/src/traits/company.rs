//! The name of the company: a text, or `name` in Segment's reserved `company` object.

use super::ParsedTraits;
use crate::event::Trait;
use crate::fields::Fields;
use crate::node::Node;
use crate::text;

pub(super) fn read(fields: &Fields<'_>, parsed: &mut ParsedTraits) {
    let Some(company) = fields.get("company") else { return };
    let name = match company {
        Node::Object(_) => Fields::of(Some(company)).get("name"),
        _ => Some(company),
    };
    match name.and_then(text::text) {
        Some(statement) => parsed.set(Trait::Company, statement),
        None => parsed.ignore_node("company", name.unwrap_or(company)),
    }
}
