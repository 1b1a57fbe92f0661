//! First and last name, from two traits or from one.
//!
//! Both are needed for an affiliate, so neither can be cleared: null and empty text are passed over. An empty
//! `firstName` lets `name` speak (in Segment's own code it would block it, which helps nobody).

use super::Said;
use crate::event::{Trait, WhyIgnored};
use crate::fields::Fields;
use crate::node::Node;
use crate::text::filled;

pub(super) fn read(fields: &Fields<'_>, said: &mut Said) {
    let whole = text(fields, "name", said);
    let (first, rest) = match whole.as_deref().map(split) {
        Some((first, rest)) => (Some(first.to_owned()), Some(rest.to_owned())),
        None => (None, None),
    };
    if let Some(first) = text(fields, "firstname", said).or(first) {
        said.tell(Trait::FirstName, Some(first));
    }
    if let Some(last) = text(fields, "lastname", said).or(rest) {
        said.tell(Trait::LastName, Some(last));
    }
}

/// Up to the first white space, and all behind it. A name of one word says that there is no last name: the empty text.
fn split(name: &str) -> (&str, &str) {
    match name.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim_start()),
        None => (name, ""),
    }
}

fn text(fields: &Fields<'_>, key: &str, said: &mut Said) -> Option<String> {
    let node = fields.get(key)?;
    let found = match node {
        Node::Text(text) => filled(text),
        _ => None,
    };
    match node {
        Node::Null | Node::Text(_) if found.is_none() => said.ignore(key, WhyIgnored::CannotBeCleared),
        Node::Text(_) => {}
        other => said.ignore_node(key, other),
    }
    found
}
