//! The names of the counts that both engines keep beside what they count, so that `status` need not scan.

use crate::{Counts, State};

/// How much of the graphs differs from what Refersion knows.
pub(crate) const DIRTY: &str = "dirty";

/// How many persons and identifiers wait.
pub(crate) const WAITING: &str = "waiting";

/// How many affiliates have a payout field held back.
pub(crate) const HELD_BACK: &str = "held_back";

/// How many affiliates keep a value that has to go; the field's name follows.
pub(crate) const STUCK: &str = "stuck:";

impl Counts {
    /// Takes over one of these counts; what has no name of ours is a state of events.
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
