//! The names of the counts that both engines store, so that `status` need not scan.

use crate::{Counts, State};

/// The number of dirty persons and affiliates.
pub(crate) const DIRTY: &str = "dirty";

/// The number of waiting persons and identifiers.
pub(crate) const WAITING: &str = "waiting";

/// The number of affiliates with a payout field that is held back.
pub(crate) const HELD_BACK: &str = "held_back";

/// The number of affiliates that keep a value that should be removed; the field's name follows.
pub(crate) const STUCK: &str = "stuck:";

impl Counts {
    /// Takes over one of these counts; any other name is a state of events.
    pub(crate) fn take(&mut self, what: String, number: u64) {
        match what.as_str() {
            DIRTY => self.dirty = number,
            WAITING => self.waiting = number,
            HELD_BACK => self.held_back = number,
            word if word == State::Pending.word() => self.pending = number,
            _ if number == 0 => {}
            word => match word.strip_prefix(STUCK) {
                Some(field) => drop(self.stuck.insert(field.to_owned(), number)),
                None => drop(self.outcomes.insert(what, number)),
            },
        }
    }
}
