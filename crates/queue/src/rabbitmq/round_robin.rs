//! Messages of one source that wait in this process, connection by connection.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use super::delivered::Delivered;
use crate::TAKE_BYTES;

/// A message that waits to be taken.
pub(super) struct Waiting {
    pub(super) message: Arc<Delivered>,
    /// Whether a taker of this process gave it back.
    pub(super) again: bool,
}

/// The messages that a take has selected so far, and the room that is left.
pub(super) struct Selection {
    pub(super) found: Vec<Waiting>,
    room: usize,
    bytes: usize,
}

impl Selection {
    /// Room for `max` events.
    pub(super) fn with_room(max: usize) -> Self {
        Self { found: Vec::new(), room: max.max(1), bytes: TAKE_BYTES }
    }
}

/// The waiting messages, each connection's in their order. Connections take turns.
#[derive(Default)]
pub(super) struct RoundRobin {
    waiting: BTreeMap<i64, VecDeque<Waiting>>,
    /// The connection that was served last.
    served: i64,
}

impl RoundRobin {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many messages of a connection wait.
    pub(super) fn of(&self, connection: i64) -> usize {
        self.waiting.get(&connection).map_or(0, VecDeque::len)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.values().flatten()
    }

    /// Adds a message after the others of its connection.
    pub(super) fn push_back(&mut self, one: Waiting) {
        self.waiting.entry(one.message.connection).or_default().push_back(one);
    }

    /// Adds a message before the others of its connection.
    pub(super) fn push_front(&mut self, one: Waiting) {
        self.waiting.entry(one.message.connection).or_default().push_front(one);
    }

    /// Moves messages into the selection while there is room, connection by connection, beginning after the one that was
    /// served last; those of `except` are skipped. `false`: there is no room for anything else.
    pub(super) fn fill(&mut self, selection: &mut Selection, except: &[i64]) -> bool {
        let behind = self.waiting.range((Excluded(self.served), Unbounded));
        let before = self.waiting.range(..=self.served);
        let turns: Vec<i64> = behind.chain(before).map(|(connection, _)| *connection).collect();
        turns
            .into_iter()
            .filter(|connection| !except.contains(connection))
            .all(|connection| self.fill_from(connection, selection))
    }

    fn fill_from(&mut self, connection: i64, selection: &mut Selection) -> bool {
        while selection.room > 0 {
            let Some(waiting) = self.waiting.get_mut(&connection) else { return true };
            let Some(next) = waiting.front().map(|waiting| Arc::clone(&waiting.message)) else { return true };
            if !selection.found.is_empty() && (next.must_be_alone() || next.bytes() > selection.bytes) {
                return false;
            }
            selection.found.extend(waiting.pop_front());
            if waiting.is_empty() {
                self.waiting.remove(&connection);
            }
            self.served = connection;
            if next.must_be_alone() {
                return false;
            }
            selection.room = selection.room.saturating_sub(next.events);
            selection.bytes = selection.bytes.saturating_sub(next.bytes());
        }
        false
    }
}
