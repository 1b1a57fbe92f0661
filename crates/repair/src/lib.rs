//! Repairs of events: a JSON Patch or an edited text is applied to an event's payload, and the result is validated.
//!
//! No IO and no clock. What a repair does not touch stays as it is written: numbers of any length, escapes, the order of
//! members. Ids, times and the type are locked, so that the repaired event has the message key and the time of its former
//! version, and wins over it by its revision.

mod diff;
mod error;
mod locked;
mod number;
mod patch;
mod pointer;
mod tree;

pub use diff::Change;
pub use error::{PatchProblem, RepairError};
pub use patch::Patch;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use segment::{Body, Event, IgnoredReason, ReadOptions};

use locked::MESSAGE_ID;
use tree::{Member, Tree};

/// The most bytes of a repaired event.
pub const MAX_BYTES: usize = 1024 * 1024;

/// How the connection of an event reads it.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The mapping and what is blocked.
    pub read: ReadOptions,
    /// Folded keys of custom traits that are sent. An event dies of one that is too long, as it does of a standard trait.
    pub sent: BTreeSet<String>,
}

/// A repaired event. Personal data, so `Debug` has the paths of its changes only.
#[derive(Clone)]
pub struct Repaired {
    /// The new payload, JSON without white space.
    pub payload: String,
    /// What differs from the former version.
    pub changes: Vec<Change>,
    /// The new event as it is read.
    pub event: Event,
}

impl fmt::Debug for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repaired").field("changes", &self.changes).finish_non_exhaustive()
    }
}

/// Applies a patch to a payload that was received at `received_at`.
///
/// # Errors
///
/// [`RepairError`]; nothing is changed then. [`RepairError::Unchanged`] if there is nothing to change.
pub fn patch(
    payload: &str,
    patch: &Patch,
    received_at: Timestamp,
    rules: &Rules,
) -> Result<Repaired, RepairError> {
    let before = Tree::parse(payload).ok_or(RepairError::NotAnEvent)?;
    let after = patch.apply(&before)?;
    finish((payload, &before), after, received_at, rules)
}

/// Takes an edited text for a payload.
///
/// # Errors
///
/// As [`patch()`].
pub fn edit(
    payload: &str,
    edited: &str,
    received_at: Timestamp,
    rules: &Rules,
) -> Result<Repaired, RepairError> {
    let before = Tree::parse(payload).ok_or(RepairError::NotAnEvent)?;
    if edited.len() > MAX_BYTES {
        return Err(RepairError::NotJson);
    }
    let after = Tree::parse(edited).ok_or(RepairError::NotJson)?;
    finish((payload, &before), after, received_at, rules)
}

/// The difference between two payloads; none if either is not JSON.
#[must_use]
pub fn diff(before: &str, after: &str) -> Vec<Change> {
    match (Tree::parse(before), Tree::parse(after)) {
        (Some(before), Some(after)) => diff::between(&before, &after),
        _ => Vec::new(),
    }
}

/// The payload with line breaks and indentation, for an editor; as it is if it is not JSON.
#[must_use]
pub fn pretty(payload: &str) -> String {
    Tree::parse(payload).map_or_else(|| payload.to_owned(), |tree| tree.pretty())
}

/// Refuses what must not change, and checks the result as the worker will read it.
fn finish(
    (payload, before): (&str, &Tree),
    after: Tree,
    received_at: Timestamp,
    rules: &Rules,
) -> Result<Repaired, RepairError> {
    let Tree::Object(members) = before else { return Err(RepairError::NotAnEvent) };
    let Tree::Object(mut repaired) = after else { return Err(RepairError::NotJson) };
    if let Some(field) = locked::changed(members, &repaired) {
        return Err(RepairError::Locked(field));
    }
    let changes = diff::between(before, &Tree::Object(repaired.clone()));
    if changes.is_empty() {
        return Err(RepairError::Unchanged);
    }
    let text = Tree::Object(repaired.clone()).to_string();
    let mut event = validated(&text, received_at, rules)?;
    let payload = match event.message_id {
        Some(_) => text,
        // The key of an event without an id is made of its content, which has changed: it becomes its id.
        None => {
            let former = segment::read_with(payload.as_bytes(), received_at, &rules.read);
            let key = former.map_or(event.message_key, |former| former.message_key);
            repaired.push(Member::new(MESSAGE_ID, Tree::from_text(&key)));
            (event.message_id, event.message_key) = (Some(key.clone()), key);
            Tree::Object(repaired).to_string()
        }
    };
    if payload.len() > MAX_BYTES {
        return Err(RepairError::NotJson);
    }
    Ok(Repaired { payload, changes, event })
}

/// Reads the event, and looks for values of which it would die before anything is sent.
fn validated(payload: &str, received_at: Timestamp, rules: &Rules) -> Result<Event, RepairError> {
    let read = segment::read_with(payload.as_bytes(), received_at, &rules.read);
    let event = read.map_err(RepairError::Refused)?;
    if let Body::Identify(identify) = &event.body {
        let too_long = identify.ignored.iter().filter(|ignored| ignored.reason == IgnoredReason::TooLong);
        let mut keys = too_long.map(|ignored| &ignored.key);
        let is_sent = |key: &&String| !segment::is_custom(key) || rules.sent.contains(*key);
        if let Some(key) = keys.find(is_sent) {
            return Err(RepairError::TooLong(key.clone()));
        }
    }
    Ok(event)
}
