//! First and last name, from two traits or from one.
//!
//! An affiliate requires both, so neither can be cleared: null and empty text are ignored, with one exception. A last name
//! that is null or empty beside a first name means that the name has one word. An empty `firstName` falls back to `name`,
//! unlike in Segment's own code.

use super::{ParsedTraits, Sources};
use crate::Mapping;
use crate::event::{IgnoredReason, Trait};
use crate::node::Node;
use crate::text::non_empty;

pub(super) fn read(sources: &Sources<'_, '_>, mapping: &Mapping, parsed: &mut ParsedTraits) {
    let mut read_name = |key, field| TraitValue::of(sources, mapping, key, field, parsed);
    let (whole, first, last) =
        (read_name("name", "name"), read_name("firstname", "first_name"), read_name("lastname", "last_name"));
    let split = whole.text.as_deref().map(split);
    let first_name = first.text.as_deref().or(split.map(|(first, _)| first));
    let one_word = last.is_blank && first_name.is_some();
    let last_name = last.text.as_deref().or(split.map(|(_, rest)| rest)).or(one_word.then_some(""));
    for (field, stated, name) in [(Trait::FirstName, &first, first_name), (Trait::LastName, &last, last_name)]
    {
        match name {
            Some(name) => parsed.set(field, Some(name.to_owned())),
            None if stated.is_blank => parsed.ignore(stated.key, IgnoredReason::CannotBeCleared),
            None => {}
        }
    }
    if whole.is_blank && whole.text.is_none() && first_name.is_none() {
        parsed.ignore(whole.key, IgnoredReason::CannotBeCleared);
    }
}

/// The statements of an event about one of the names.
struct TraitValue {
    key: &'static str,
    /// The first value that is a text.
    text: Option<String>,
    /// Whether a value is null or empty.
    is_blank: bool,
}

impl TraitValue {
    fn of(
        sources: &Sources<'_, '_>,
        mapping: &Mapping,
        key: &'static str,
        field: &str,
        parsed: &mut ParsedTraits,
    ) -> Self {
        let mut stated = Self { key, text: None, is_blank: false };
        let mapped = sources.mapped(mapping, field);
        for node in mapped.into_iter().chain(sources.standard().flat_map(|source| source.all(key))) {
            match node {
                Node::Text(text) if stated.text.is_none() => stated.text = non_empty(text),
                Node::Text(_) | Node::Null => {}
                other => parsed.ignore_node(key, other),
            }
            stated.is_blank |= node.is_blank();
        }
        stated
    }
}

/// Splits a name at its first white space. A name of one word has no last name: the second part is empty.
fn split(name: &str) -> (&str, &str) {
    match name.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim_start()),
        None => (name, ""),
    }
}
