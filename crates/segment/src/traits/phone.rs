//! The phone number: `phone`, otherwise the first of `phones`. Many sources send a number.

use super::{ParsedTraits, Sources, best};
use crate::Mapping;
use crate::event::Trait;
use crate::fields::Fields;
use crate::node::Node;
use crate::text::{Statement, text_or_number};

pub(super) fn read(sources: &Sources<'_, '_>, mapping: &Mapping, parsed: &mut ParsedTraits) {
    let mapped = parsed.statement_of("phone", sources.mapped(mapping, "phone"), text_or_number);
    let statement = sources.statement(mapped, |source| {
        let phone = parsed.statement_of("phone", source.all("phone"), text_or_number);
        best([phone, parsed.statement_of("phones", source.all("phones"), first_of)])
    });
    if let Some(statement) = statement {
        parsed.set(Trait::Phone, statement);
    }
}

fn first_of(phones: &Node<'_>) -> Option<Statement> {
    let Node::List(phones) = phones else { return None };
    let first = phones.first()?;
    match first {
        Node::Object(_) => {
            let fields = Fields::of(Some(first));
            best(["value", "number"].into_iter().flat_map(|key| fields.all(key)).map(text_or_number))
        }
        _ => text_or_number(first),
    }
}
