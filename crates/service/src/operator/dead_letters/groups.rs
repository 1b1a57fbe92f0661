//! Dead letters by cause.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ledger::groups::{Mender, Span};
use ledger::selector::Term;
use ledger::{AuditEntry, DeadLetterState, Group};
use serde::Serialize;

use super::Frozen;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::Directory;

/// A group. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub struct GroupRow {
    /// Its key; empty for those that are not classified yet.
    pub group: String,
    /// Where its cause can be corrected.
    pub mend: Mender,
    /// The name of the connection.
    pub connection: String,
    /// The class of the failure.
    pub class: String,
    /// The HTTP status of Refersion's answer.
    pub http_status: Option<u16>,
    /// The field that Refersion refused.
    pub field: Option<String>,
    /// The cause, with placeholders for parts that differ from person to person.
    pub cause: String,
    /// Dead letters in the states that the selector names; without any, the open ones.
    pub count: u64,
    /// Persons with open dead letters of it.
    pub people: u64,
    /// When the first died.
    pub first_at: Timestamp,
    /// When the last died.
    pub last_at: Timestamp,
    /// By state, whatever the selector says.
    pub states: BTreeMap<DeadLetterState, u64>,
    /// Deaths in each of the last 24 hours, the current one last.
    pub hours: Vec<u64>,
    /// The id of the newest.
    pub sample: i64,
    /// The note of an operator.
    pub note: Option<String>,
}

/// The groups with dead letters that a selector selects, by where their cause can be corrected, the largest first.
///
/// # Errors
///
/// [`Failure`] with the code `selector` if a term cannot select groups, or if the ledger cannot be read.
pub async fn groups(
    engines: &Engines,
    directory: &Directory,
    selected: &Frozen,
) -> Result<Vec<GroupRow>, Failure> {
    counted_by_groups(selected)?;
    let groups = engines.dead_letters.groups(engines.now()).await?;
    let picked = groups.into_iter().filter(|group| group.is_picked_by(&selected.filter));
    let open = [DeadLetterState::Open];
    let states: &[DeadLetterState] = selected.filter.states.as_deref().unwrap_or(&open);
    let mut rows: Vec<GroupRow> = picked.filter_map(|group| GroupRow::of(group, states, directory)).collect();
    rows.sort_by_key(|row| (row.mend, std::cmp::Reverse(row.count), row.group.clone()));
    Ok(rows)
}

/// Checks that groups keep counts for every term of a selector.
///
/// # Errors
///
/// [`Failure`] with the code `selector` for the first term without counts.
pub fn counted_by_groups(selected: &Frozen) -> Result<(), Failure> {
    let Some(term) = selected.written.terms().iter().find(|term| !is_counted(term)) else { return Ok(()) };
    let message = format!("groups cannot be selected by `{term}`");
    let hint = "the terms of groups are class, connection, field, group, mend, state and status; `dead-letters list` \
                accepts every term";
    Err(Failure::usage("selector", message, hint))
}

/// The note of a group, after it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The note that the group has now.
    pub note: Option<String>,
    /// The one that it had before, maybe of another operator.
    pub replaced: Option<String>,
}

/// Writes the note of a group, if the directory has its connection, and records the act in the audit. An empty text removes the
/// note.
///
/// # Errors
///
/// [`Failure`] with the code `no_such_group`, or if the ledger cannot be used.
pub async fn note(
    engines: &Engines,
    directory: &Directory,
    actor: &str,
    key: &str,
    text: &str,
) -> Result<Noted, Failure> {
    let now = engines.now();
    let note = Some(text.trim()).filter(|note| !note.is_empty());
    let groups = engines.dead_letters.groups(now).await?;
    let group = groups.iter().find(|it| it.key == key && directory.get(it.connection).is_some());
    let no_such = || {
        let message = format!("there is no group {key} of dead letters");
        Failure::refused("no_such_group", message, "`dead-letters groups` shows their keys")
    };
    let group = group.ok_or_else(no_such)?;
    if key.is_empty() || !engines.dead_letters.note_group(key, note, now).await? {
        return Err(no_such());
    }
    let entry = AuditEntry::new(now, actor, "group_noted", format!("group {key}"));
    engines.operators.note(&[AuditEntry { connection: Some(group.connection), ..entry }]).await?;
    let replaced = group.note.as_ref().map(|before| before.text.clone());
    Ok(Noted { note: note.map(str::to_owned), replaced })
}

fn is_counted(term: &Term) -> bool {
    !matches!(
        term,
        Term::Id(_)
            | Term::Audience(_)
            | Term::Repaired(_)
            | Term::Text(_)
            | Term::Age(_)
            | Term::DiedFrom(_)
            | Term::DiedBefore(_)
    )
}

impl GroupRow {
    /// `None` if no dead letter of the group is in one of these states.
    #[must_use]
    pub fn of(group: Group, states: &[DeadLetterState], directory: &Directory) -> Option<Self> {
        let spans: Vec<&Span> = states.iter().filter_map(|state| group.states.get(state)).collect();
        let is_classified = !group.key.is_empty();
        Some(Self {
            count: spans.iter().map(|span| span.letters).sum(),
            first_at: spans.iter().map(|span| span.first).min()?,
            last_at: spans.iter().map(|span| span.last).max()?,
            mend: group.cause.mender,
            connection: directory.name(group.connection),
            class: group.cause.class,
            http_status: group.cause.http_status,
            field: group.cause.field,
            cause: if is_classified { group.cause.text } else { "(not classified yet)".to_owned() },
            people: group.people,
            states: group.states.iter().map(|(state, span)| (*state, span.letters)).collect(),
            hours: group.hours.to_vec(),
            sample: group.sample,
            note: group.note.map(|note| note.text),
            group: group.key,
        })
    }
}
