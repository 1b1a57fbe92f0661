//! The name of the company: a text, or `name` in Segment's reserved `company` object.

use super::{ParsedTraits, Sources, best};
use crate::Mapping;
use crate::event::Trait;
use crate::fields::Fields;
use crate::node::Node;
use crate::text::{self, Statement};

/// The folded keys of the name in the object.
const NAMES: [&str; 2] = ["name", "companyname"];

pub(super) fn read(sources: &Sources<'_, '_>, mapping: &Mapping, parsed: &mut ParsedTraits) {
    let mapped = parsed.statement_of("company", sources.mapped(mapping, "company"), text::text);
    let statement = sources.statement(mapped, |source| {
        let whole: Vec<_> = source.all("company").map(|node| of_node(node, parsed)).collect();
        let dotted = NAMES.into_iter().map(|name| {
            let key = format!("company.{name}");
            parsed.statement_of(&key, source.all(&key), text::text)
        });
        best(whole.into_iter().chain(dotted))
    });
    if let Some(statement) = statement {
        parsed.set(Trait::Company, statement);
    }
}

fn of_node(company: &Node<'_>, parsed: &mut ParsedTraits) -> Option<Statement> {
    let Node::Object(_) = company else { return parsed.statement("company", company, text::text) };
    let fields = Fields::of(Some(company));
    let statement = best(NAMES.into_iter().flat_map(|name| fields.all(name)).map(text::text));
    if statement.is_none() {
        parsed.ignore_node("company", company);
    }
    statement
}
