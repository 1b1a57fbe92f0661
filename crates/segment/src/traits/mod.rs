//! Normalizes the traits of one event before events are compared.
//!
//! Spellings, a `name` with first and last name, and the various shapes of addresses are resolved here, so that an old
//! `firstName` and a newer `name` concern the same trait.

mod address;
mod company;
mod custom;
mod name;
mod phone;

use std::collections::BTreeMap;

use crate::event::{Ignored, IgnoredReason, Trait, Traits};
use crate::fields::{Fields, fold_key};
use crate::node::Node;
use crate::text::Statement;

/// Maximum length of a standard trait in characters. Refersion publishes no limits and refuses far shorter values itself; a
/// longer text is not a name, phone or address.
const MAX_STANDARD_CHARS: usize = 1_000;

/// Whether a trait with this name, in any spelling, is custom. Standard traits have their own affiliate fields.
#[must_use]
pub fn is_custom(name: &str) -> bool {
    !custom::STANDARD_KEYS.contains(&fold_key(name).as_str())
}

/// The `traits` of one event, normalized.
#[derive(Default)]
pub(crate) struct ParsedTraits {
    pub(crate) traits: Traits,
    pub(crate) spellings: BTreeMap<String, String>,
    pub(crate) ignored: Vec<Ignored>,
}

pub(crate) fn read(traits: Option<&Node<'_>>) -> ParsedTraits {
    let fields = Fields::of(traits);
    let mut parsed = ParsedTraits::default();
    for key in fields.repeated() {
        parsed.ignore(key, IgnoredReason::Repeated);
    }
    name::read(&fields, &mut parsed);
    company::read(&fields, &mut parsed);
    phone::read(&fields, &mut parsed);
    address::read(&fields, &mut parsed);
    custom::read(&fields, &mut parsed);
    parsed
}

impl ParsedTraits {
    /// Records the value of a trait. Custom traits have their own limit, which was checked before.
    fn set(&mut self, name: Trait, statement: Statement) {
        let too_long =
            statement.as_deref().is_some_and(|text| text.chars().nth(MAX_STANDARD_CHARS).is_some());
        match name.standard_key() {
            Some(key) if too_long => self.ignore(key, IgnoredReason::TooLong),
            _ => drop(self.traits.insert(name, statement)),
        }
    }

    fn ignore(&mut self, key: &str, reason: IgnoredReason) {
        self.ignored.push(Ignored { key: key.to_owned(), reason });
    }

    /// Records that a value is not text.
    fn ignore_node(&mut self, key: &str, node: &Node<'_>) {
        let nested = matches!(node, Node::List(_) | Node::Object(_));
        self.ignore(key, if nested { IgnoredReason::Nested } else { IgnoredReason::NotText });
    }
}

#[cfg(test)]
mod tests;
