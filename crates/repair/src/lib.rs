//! Repairs of events: a JSON Patch or an edited text is applied to an event's payload, and the result is validated.
//!
//! The crate uses no IO and no clock. A repair keeps the rest of the payload as it is written: numbers of any length, escapes, the order of
//! members. Ids, times and the type are locked, so that the repaired event has the message key and the time of its former version, and its
//! revision makes it newer.

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

/// Maximum size of a repaired event in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The folded key of the email.
const EMAIL: &str = "email";

/// The rules by which a connection reads an event.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The mapping and the blocked identifiers.
    pub read: ReadOptions,
    /// Folded keys of custom traits that are sent. As with standard traits, a value that is too long makes the event a dead letter.
    pub sent: BTreeSet<String>,
}

/// A repaired event. Personal data, so `Debug` has the paths of its changes only.
#[derive(Clone)]
pub struct Repaired {
    /// The new payload, JSON without white space.
    pub payload: String,
    /// The differences from the former version.
    pub changes: Vec<Change>,
    /// The new event as the worker reads it.
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

/// Replaces a payload with an edited text.
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

/// The payload with line breaks and indentation, for an editor; unchanged if it is not JSON.
#[must_use]
pub fn pretty(payload: &str) -> String {
    Tree::parse(payload).map_or_else(|| payload.to_owned(), |tree| tree.pretty())
}

/// Refuses changes of locked fields, and reads the result as the worker will.
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
    let former = || segment::read_with(payload.as_bytes(), received_at, &rules.read).ok();
    if is_unusable_email(&event) && is_email_of_repair(&changes, former().as_ref()) {
        return Err(RepairError::NotAnAddress);
    }
    let payload = match event.message_id {
        Some(_) => text,
        // An event without an id has a message key that is made of its content. The content has changed, so the former key becomes its id.
        None => {
            let key = former().map_or(event.message_key, |former| former.message_key);
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

/// Reads the event, and refuses values that would make it a dead letter before anything is sent.
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

/// Whether the event states an email, and none that is an address. The worker ignores such an email.
fn is_unusable_email(event: &Event) -> bool {
    let Body::Identify(identify) = &event.body else { return false };
    let is_unusable =
        |reason: IgnoredReason| matches!(reason, IgnoredReason::NotAnAddress | IgnoredReason::Nested);
    let mut ignored = identify.ignored.iter();
    identify.address.is_none() && ignored.any(|it| it.key == EMAIL && is_unusable(it.reason))
}

/// Whether the repair wrote the unusable email. One that the event had before prevents no repair of its other values.
fn is_email_of_repair(changes: &[Change], former: Option<&Event>) -> bool {
    let is_email = |change: &Change| {
        let key = change.path.rsplit('/').next().unwrap_or_default();
        segment::fold_key(key) == EMAIL
    };
    !former.is_some_and(is_unusable_email) || changes.iter().any(is_email)
}
