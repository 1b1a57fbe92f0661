//! All other traits with a single value: plan names, counters, Engage's audience flags.
//!
//! They are kept whether or not they are mapped to a Refersion field, so that a mapping that is added later applies
//! at once.

use smol_str::SmolStr;

use super::{ParsedTraits, Sources, place};
use crate::Mapping;
use crate::event::{IgnoredReason, Trait};
use crate::fields::Field;
use crate::node::Node;
use crate::text::{self, Statement};

/// Maximum length of a key and of a value, in characters. The limit for values is that of a Refersion custom field.
const MAX_CHARS: usize = 255;

/// Folded keys of the standard traits outside an address, and `email`, which is an identifier.
const STANDARD_KEYS: [&str; 9] = [
    "company",
    "company.companyname",
    "company.name",
    "email",
    "firstname",
    "lastname",
    "name",
    "phone",
    "phones",
];

/// Keys beside the traits of `context` that are identifiers there.
const IDENTIFIERS: [&str; 2] = ["anonymousid", "userid"];

/// Whether a folded key is that of a standard trait.
pub(super) fn is_standard(key: &str) -> bool {
    STANDARD_KEYS.contains(&key) || place::is_part_of_an_address(key)
}

pub(super) fn read(sources: &Sources<'_, '_>, mapping: &Mapping, parsed: &mut ParsedTraits) {
    for (nth, source) in sources.custom().enumerate() {
        for (key, group) in source.groups() {
            let is_identifier = nth > 0 && IDENTIFIERS.contains(&key);
            let is_nested = matches!(group[0].1.node, Node::Object(_) | Node::List(_));
            let is_source = is_nested && (key == "traits" || mapping.leads_into(key));
            let is_stated = || nth > 0 && parsed.traits.contains_key(&Trait::Custom(key.to_owned()));
            if !is_identifier && !is_source && !is_standard(key) && !mapping.takes(key) && !is_stated() {
                read_one(key, group, parsed);
            }
        }
    }
}

/// Reads the members of one key. It uses the first that has a text, else one that is empty, else one that clears the trait.
fn read_one(key: &str, group: &[(SmolStr, Field<'_>)], parsed: &mut ParsedTraits) {
    let mut best: Option<(u8, &Field<'_>, Statement)> = None;
    for (_, field) in group {
        let Some(statement) = single_value(field.node) else {
            parsed.ignore_node(key, field.node);
            continue;
        };
        if is_too_long(key) || statement.as_deref().is_some_and(is_too_long) {
            parsed.ignore(key, IgnoredReason::TooLong);
            continue;
        }
        let rank = statement.as_deref().map_or(0, |text| if text.is_empty() { 1 } else { 2 });
        if best.as_ref().is_none_or(|(known, ..)| rank > *known) {
            best = Some((rank, field, statement));
        }
    }
    if let Some((_, field, statement)) = best {
        parsed.set(Trait::Custom(key.to_owned()), statement);
        parsed.spellings.insert(key.to_owned(), field.written.to_owned());
    }
}

/// The statement of a single value. Unlike a standard trait, a custom one may be empty: only null clears it.
fn single_value(node: &Node<'_>) -> Option<Statement> {
    match node {
        Node::Null => Some(None),
        Node::Text(text) => Some(Some(text::value(text).into_owned())),
        Node::Bool(value) => Some(Some(value.to_string())),
        Node::Number(number) => Some(Some(number.to_string())),
        Node::List(_) | Node::Object(_) => None,
    }
}

fn is_too_long(text: &str) -> bool {
    text.chars().count() > MAX_CHARS
}
