//! The postal address, part by part: from an address object, otherwise from traits with the names of the parts.

use super::place::{PARTS, Part, Place};
use super::{ParsedTraits, Sources, best, state};
use crate::Mapping;
use crate::event::{IgnoredReason, Trait};
use crate::fields::Fields;
use crate::node::Node;
use crate::text::{self, Statement, text_or_number};

pub(super) fn read(sources: &Sources<'_, '_>, mapping: &Mapping, parsed: &mut ParsedTraits) {
    let places: Vec<_> = sources.standard().map(|source| (source, Place::of(source))).collect();
    let unusable = |node: &&Node<'_>| !matches!(node, Node::Text(_) | Node::Object(_));
    let addresses = sources.standard().flat_map(|source| source.all("address"));
    for address in addresses.filter(unusable) {
        match address {
            // Sources send null if they know no address; only a part of it can be cleared.
            Node::Null => parsed.ignore("address", IgnoredReason::CannotBeCleared),
            Node::List(items) if items.iter().any(|item| matches!(item, Node::Object(_))) => {}
            other => parsed.ignore_node("address", other),
        }
    }
    for part in &PARTS {
        let read = reader_of(&part.name);
        let mapped = parsed.statement_of(part.field, sources.mapped(mapping, part.field), read);
        let statement = mapped
            .or_else(|| places.iter().find_map(|(source, place)| of_source(source, place, part, parsed)));
        if let Some(statement) = statement {
            parsed.set(part.name.clone(), statement);
        }
    }
}

/// The statement of one source about a part.
fn of_source(
    source: &Fields<'_>,
    place: &Place<'_>,
    part: &Part,
    parsed: &mut ParsedTraits,
) -> Option<Statement> {
    let read = reader_of(&part.name);
    let is_street = part.name == Trait::Street;
    // An address that is a single text cannot be split; it is used as the street.
    let whole = place.text.filter(|_| is_street).and_then(text::text);
    let inner = place.values(part).filter(|(key, node)| is_meant(key, node));
    let inner = best(inner.map(|(key, node)| parsed.statement(format_args!("address.{key}"), node, read)));
    let flat = best(part.flat.iter().map(|key| match part.name {
        Trait::State => state_of(source.all(key), parsed),
        _ => parsed.statement_of(key, source.all(key), read),
    }));
    best([whole, inner, flat])
}

/// Whether a value has the meaning of its key. The country code of a phone number consists of digits.
fn is_meant(key: &str, node: &Node<'_>) -> bool {
    let is_code = |text: &str| (2..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic());
    key != "countrycode" || matches!(node, Node::Text(text) if is_code(text.trim()))
}

/// A `state` outside an address may be that of a subscription.
fn state_of<'n>(nodes: impl Iterator<Item = &'n Node<'n>>, parsed: &mut ParsedTraits) -> Option<Statement> {
    let statements: Vec<_> = nodes
        .map(|node| match parsed.statement("state", node, text_or_number) {
            Some(Some(text)) if !state::looks_like_one(&text) => {
                parsed.ignore("state", IgnoredReason::NotAState);
                None
            }
            statement => statement,
        })
        .collect();
    best(statements)
}

fn reader_of(part: &Trait) -> fn(&Node<'_>) -> Option<Statement> {
    if *part == Trait::Country { country } else { text_or_number }
}

/// A country may be an object with its code and its name.
fn country(node: &Node<'_>) -> Option<Statement> {
    let Node::Object(_) = node else { return text_or_number(node) };
    let fields = Fields::of(Some(node));
    let keys = ["code", "iso2", "alpha2", "iso", "countrycode", "name", "countryname"];
    best(keys.into_iter().flat_map(|key| fields.all(key)).map(text::text))
}
