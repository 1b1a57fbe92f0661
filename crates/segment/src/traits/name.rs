//! First and last name, from two traits or from one.
//!
//! An affiliate requires both, so neither can be cleared: null and empty text are ignored. An empty `firstName` falls
//! back to `name`, unlike in Segment's own code.

use super::ParsedTraits;
use crate::event::{IgnoredReason, Trait};
use crate::fields::Fields;
use crate::node::Node;
use crate::text::non_empty;

pub(super) fn read(fields: &Fields<'_>, parsed: &mut ParsedTraits) {
    let whole = text(fields, "name", parsed);
    let (first, rest) = match whole.as_deref().map(split) {
        Some((first, rest)) => (Some(first.to_owned()), Some(rest.to_owned())),
        None => (None, None),
    };
    if let Some(first) = text(fields, "firstname", parsed).or(first) {
        parsed.set(Trait::FirstName, Some(first));
    }
    if let Some(last) = text(fields, "lastname", parsed).or(rest) {
        parsed.set(Trait::LastName, Some(last));
    }
}

/// Splits a name at its first white space. A name of one word has no last name: the second part is empty.
fn split(name: &str) -> (&str, &str) {
    match name.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim_start()),
        None => (name, ""),
    }
}

fn text(fields: &Fields<'_>, key: &str, parsed: &mut ParsedTraits) -> Option<String> {
    let node = fields.get(key)?;
    let found = match node {
        Node::Text(text) => non_empty(text),
        _ => None,
    };
    match node {
        Node::Null | Node::Text(_) if found.is_none() => parsed.ignore(key, IgnoredReason::CannotBeCleared),
        Node::Text(_) => {}
        other => parsed.ignore_node(key, other),
    }
    found
}
