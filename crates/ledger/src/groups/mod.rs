//! Dead letters by cause, counted.

mod classify;
mod normal;

use std::collections::BTreeMap;

use connections::ConnectionId;
use jiff::Timestamp;

use crate::{DeadLetterFilter, DeadLetterState};
pub(crate) use classify::is_group_key;
pub use classify::{Cause, Mender, VERSION};

/// The number of hours for which a group counts its dead letters by hour.
pub const HOURS: usize = 24;

/// The maximum length of a group's note, in characters.
pub const MAX_NOTE_CHARS: usize = 1_000;

/// Dead letters of one connection with the same cause.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its key; empty for dead letters that are not classified yet.
    pub key: String,
    /// Its connection.
    pub connection: ConnectionId,
    /// The cause; for dead letters that are not classified yet, the cause of the newest one.
    pub cause: Cause,
    /// Counts and times by state, without states that no dead letter is in.
    pub states: BTreeMap<DeadLetterState, Span>,
    /// The number of persons with open dead letters of this group. Events that name nobody, and events that died under a version that did
    /// not count persons, are not included.
    pub people: u64,
    /// The number of dead letters that died in each of the last [`HOURS`] hours, in any state now; the current hour is the last.
    pub hours: [u64; HOURS],
    /// The newest dead letter, an open one if there is any.
    pub sample: i64,
    /// An operator's note.
    pub note: Option<Note>,
}

/// Dead letters of one group and state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Their number.
    pub letters: u64,
    /// When the first one died.
    pub first: Timestamp,
    /// When the last one died.
    pub last: Timestamp,
}

/// An operator's note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its text.
    pub text: String,
    /// When it was written.
    pub at: Timestamp,
}

impl Group {
    /// Whether a filter can match its dead letters, judged by the properties of the group: connection, class, status, field, mender and
    /// key. The caller checks the states.
    #[must_use]
    pub fn is_picked_by(&self, filter: &DeadLetterFilter) -> bool {
        let cause = &self.cause;
        is_in(&self.connection, filter.connections.as_ref())
            && is_in(&cause.class, filter.classes.as_ref())
            && is_any(cause.http_status.as_ref(), filter.http_statuses.as_ref())
            && is_any(cause.field.as_ref(), filter.fields.as_ref())
            && is_in(&cause.mender, filter.menders.as_ref())
            && is_in(&self.key, filter.groups.as_ref())
    }
}

fn is_in<V: PartialEq>(value: &V, list: Option<&Vec<V>>) -> bool {
    list.is_none_or(|list| list.contains(value))
}

fn is_any<V: PartialEq>(value: Option<&V>, list: Option<&Vec<V>>) -> bool {
    list.is_none_or(|list| value.is_some_and(|value| list.contains(value)))
}

/// One row of counts: a group and a state, with its newest dead letter.
pub(crate) struct Counted {
    pub(crate) key: String,
    pub(crate) connection: ConnectionId,
    pub(crate) state: DeadLetterState,
    pub(crate) span: Span,
    pub(crate) sample: i64,
    pub(crate) cause: Cause,
}

/// Builds groups from rows of counts, persons, hours and notes. `hours` are (connection, key, hours ago, number).
pub(crate) fn assemble(
    counted: Vec<Counted>,
    people: Vec<(ConnectionId, String, u64)>,
    hours: Vec<(ConnectionId, String, i64, u64)>,
    notes: Vec<(String, Note)>,
) -> Vec<Group> {
    let mut groups: BTreeMap<(String, ConnectionId), Group> = BTreeMap::new();
    for row in counted {
        let group = groups.entry((row.key.clone(), row.connection)).or_insert_with(|| Group {
            key: row.key,
            connection: row.connection,
            cause: row.cause.clone(),
            states: BTreeMap::new(),
            people: 0,
            hours: [0; HOURS],
            sample: row.sample,
            note: None,
        });
        // States are ordered, and open ones come first.
        if group.states.keys().all(|state| row.state < *state) {
            (group.sample, group.cause) = (row.sample, row.cause);
        }
        group.states.insert(row.state, row.span);
    }
    for (connection, key, number) in people {
        if let Some(group) = groups.get_mut(&(key, connection)) {
            group.people += number;
        }
    }
    for (connection, key, ago, number) in hours {
        let place = usize::try_from(ago).ok().and_then(|ago| (HOURS - 1).checked_sub(ago));
        if let (Some(group), Some(place)) = (groups.get_mut(&(key, connection)), place) {
            group.hours[place] += number;
        }
    }
    for (key, note) in notes {
        groups
            .values_mut()
            .filter(|group| group.key == key)
            .for_each(|group| group.note = Some(note.clone()));
    }
    groups.into_values().collect()
}
