//! The summary of missing events.

use jiff::Timestamp;
use ledger::Missing;
use serde::Serialize;

/// All events that are missing. The names of these fields are fixed: scripts rely on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many.
    pub events: u64,
    /// They were published after this.
    pub since: Timestamp,
    /// They were published by then.
    pub until: Timestamp,
    /// When the newest of them was found to be missing.
    pub found_at: Timestamp,
}

impl Summary {
    /// The sum of all streams; `None` if nothing is missing.
    #[must_use]
    pub fn of(all: &[Missing]) -> Option<Self> {
        let sum = |one: Self, other: Self| Self {
            events: one.events.saturating_add(other.events),
            since: one.since.min(other.since),
            until: one.until.max(other.until),
            found_at: one.found_at.max(other.found_at),
        };
        let one = |it: &Missing| Self {
            events: it.events(),
            since: it.since,
            until: it.until,
            found_at: it.found_at,
        };
        all.iter().map(one).reduce(sum)
    }

    /// The summary in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let events = if self.events == 1 { "event" } else { "events" };
        format!(
            "{} accepted {events} never arrived, published between {} and {}",
            self.events, self.since, self.until
        )
    }
}
