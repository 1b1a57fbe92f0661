//! Walks through the dead letters of a selection, and reports the result for each.

use ledger::{DeadLetterFilter, DeadLetterView, PageSize};
use serde::Serialize;
use uuid::Uuid;

use super::Selection;
use crate::engines::Engines;
use crate::failure::Failure;

/// Letters that are read at once, payloads included, at most.
pub const AT_ONCE: usize = 100;

/// Letters that are changed in one transaction, at least, even if the ledger is slow.
const FEWEST_AT_ONCE: usize = 20;

/// How many letters are changed in one transaction, before anything is known of the ledger.
#[must_use]
pub const fn changed_at_once() -> PageSize {
    PageSize::between(FEWEST_AT_ONCE, AT_ONCE)
}

/// The result for one dead letter.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its id.
    pub id: i64,
    /// Its event; `None` where there is no such dead letter.
    pub event_id: Option<Uuid>,
    /// Its state now, in a word.
    pub state: &'static str,
    /// The reason why nothing was done about it.
    pub reason: Option<&'static str>,
}

/// A walk through the dead letters of a selection, newest first. Events that die meanwhile are not met.
pub struct Pages {
    filter: DeadLetterFilter,
    left: usize,
}

impl Pages {
    /// From the newest.
    #[must_use]
    pub fn of(selection: &Selection) -> Self {
        Self { filter: selection.filter.clone(), left: selection.filter.limit }
    }

    /// The next letters, at most `rows` of them; empty at the end.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be read.
    pub async fn next(&mut self, engines: &Engines, rows: usize) -> Result<Vec<DeadLetterView>, Failure> {
        self.filter.limit = rows.min(self.left);
        if self.filter.limit == 0 {
            return Ok(Vec::new());
        }
        let letters = engines.ledger.dead_letters(&self.filter).await?;
        self.left -= letters.len();
        self.filter.after = letters.last().map(|letter| (letter.died_at, letter.id)).or(self.filter.after);
        Ok(letters)
    }
}
