//! The difference between two versions of an event.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::pointer::Pointer;
use crate::tree::{Member, Tree};

/// One value that differs. Personal data, so `Debug` has its path only.
#[derive(Clone, Serialize)]
pub struct Change {
    /// A JSON Pointer.
    pub path: String,
    /// The former value as JSON, numbers as written; `None` if the value is new.
    pub before: Option<Box<RawValue>>,
    /// The new value as JSON; `None` if the value was removed.
    pub after: Option<Box<RawValue>>,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The differences, in the order of the former version, new members last.
pub(crate) fn between(before: &Tree, after: &Tree) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(&Pointer::root(), Some(before), Some(after), &mut changes);
    changes
}

fn compare(path: &Pointer, before: Option<&Tree>, after: Option<&Tree>, changes: &mut Vec<Change>) {
    match (before, after) {
        (Some(Tree::Object(one)), Some(Tree::Object(two))) if is_plain(one) && is_plain(two) => {
            let others: BTreeMap<&str, &Tree> =
                two.iter().map(|other| (other.key.as_str(), &other.value)).collect();
            for member in one {
                let other = others.get(member.key.as_str()).copied();
                compare(&path.join(&member.key), Some(&member.value), other, changes);
            }
            let known: BTreeSet<&str> = one.iter().map(|member| member.key.as_str()).collect();
            for member in two.iter().filter(|member| !known.contains(member.key.as_str())) {
                compare(&path.join(&member.key), None, Some(&member.value), changes);
            }
        }
        (Some(Tree::List(one)), Some(Tree::List(two))) if one.len() == two.len() => {
            for (nth, (one, two)) in one.iter().zip(two).enumerate() {
                compare(&path.join(&nth.to_string()), Some(one), Some(two), changes);
            }
        }
        (Some(one), Some(two)) if one.to_string() == two.to_string() => {}
        (Some(Tree::Single(_)), Some(Tree::Single(_))) if is_same_text(before, after) => {}
        _ => changes.push(Change { path: path.to_string(), before: before.map(raw), after: after.map(raw) }),
    }
}

/// Whether every key occurs once, so that a pointer leads to each member.
fn is_plain(members: &[Member]) -> bool {
    let keys: BTreeSet<&str> = members.iter().map(|member| member.key.as_str()).collect();
    keys.len() == members.len()
}

fn is_same_text(one: Option<&Tree>, other: Option<&Tree>) -> bool {
    let one = one.and_then(Tree::as_text);
    one.is_some() && one == other.and_then(Tree::as_text)
}

fn raw(tree: &Tree) -> Box<RawValue> {
    RawValue::from_string(tree.to_string()).unwrap_or_default()
}
