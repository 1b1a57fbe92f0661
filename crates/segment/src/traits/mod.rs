//! Normalizes the traits of one event before events are compared.
//!
//! Spellings, a `name` with first and last name, and the various shapes of addresses are resolved here, so that an old
//! `firstName` and a newer `name` concern the same trait.

mod address;
mod company;
mod custom;
mod name;
mod phone;
mod place;
mod sources;
mod state;

use std::collections::BTreeMap;
use std::fmt;

use crate::Mapping;
use crate::event::{Ignored, IgnoredReason, Trait, Traits};
use crate::fields::{Fields, fold_key};
use crate::node::Node;
use crate::text::Statement;

pub(crate) use place::HOLDERS;
use sources::best;
pub(crate) use sources::{PATHS, Sources};

/// Maximum length of a standard trait in characters. Refersion publishes no limits and refuses far shorter values itself; a
/// longer text is not a name, phone or address.
const MAX_STANDARD_CHARS: usize = 1_000;

/// Whether a trait with this name, in any spelling, is custom. Standard traits have their own affiliate fields.
#[must_use]
pub fn is_custom(name: &str) -> bool {
    !custom::is_standard(&fold_key(name))
}

/// The traits of one event, normalized.
#[derive(Default)]
pub(crate) struct ParsedTraits {
    pub(crate) traits: Traits,
    pub(crate) spellings: BTreeMap<String, String>,
    pub(crate) ignored: Vec<Ignored>,
}

pub(crate) fn read(sources: &Sources<'_, '_>, mapping: &Mapping) -> ParsedTraits {
    let mut parsed = ParsedTraits::default();
    for key in sources.custom().flat_map(Fields::repeated) {
        parsed.ignore(key, IgnoredReason::Repeated);
    }
    name::read(sources, mapping, &mut parsed);
    company::read(sources, mapping, &mut parsed);
    phone::read(sources, mapping, &mut parsed);
    address::read(sources, mapping, &mut parsed);
    custom::read(sources, mapping, &mut parsed);
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

    /// Records that a value cannot be used, once: several sources may have the same.
    fn ignore(&mut self, key: &str, reason: IgnoredReason) {
        let ignored = Ignored { key: key.to_owned(), reason };
        if !self.ignored.contains(&ignored) {
            self.ignored.push(ignored);
        }
    }

    /// The statement in one value; one that cannot be read is recorded.
    fn statement(
        &mut self,
        key: impl fmt::Display,
        node: &Node<'_>,
        read: impl Fn(&Node<'_>) -> Option<Statement>,
    ) -> Option<Statement> {
        let statement = read(node);
        if statement.is_none() {
            self.ignore_node(&key.to_string(), node);
        }
        statement
    }

    /// The best statement among several values of one key.
    fn statement_of<'n>(
        &mut self,
        key: &str,
        nodes: impl IntoIterator<Item = &'n Node<'n>>,
        read: impl Fn(&Node<'_>) -> Option<Statement>,
    ) -> Option<Statement> {
        best(nodes.into_iter().map(|node| self.statement(key, node, &read)))
    }

    /// Records that a value is not text.
    fn ignore_node(&mut self, key: &str, node: &Node<'_>) {
        let nested = matches!(node, Node::List(_) | Node::Object(_));
        self.ignore(key, if nested { IgnoredReason::Nested } else { IgnoredReason::NotText });
    }
}

#[cfg(test)]
mod tests;
