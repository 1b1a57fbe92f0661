//! A walk through the dead letters of a selection, and what became of each.

use ledger::{DeadLetterFilter, DeadLetterView};
use serde::Serialize;
use uuid::Uuid;

use super::Selection;
use crate::engines::Engines;
use crate::failure::Failure;

/// Letters that are read at once, payloads included.
const AT_ONCE: usize = 100;

/// What became of one dead letter.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its id.
    pub id: i64,
    /// Its event; `None` where there is no such dead letter.
    pub event_id: Option<Uuid>,
    /// Its state now, in a word.
    pub state: &'static str,
    /// Why nothing was done about it.
    pub reason: Option<&'static str>,
}

/// A walk through the dead letters of a selection, newest first. What dies meanwhile is not met.
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

    /// The next letters; none at the end.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be read.
    pub async fn next(&mut self, engines: &Engines) -> Result<Vec<DeadLetterView>, Failure> {
        self.filter.limit = AT_ONCE.min(self.left);
        if self.filter.limit == 0 {
            return Ok(Vec::new());
        }
        let letters = engines.ledger.dead_letters(&self.filter).await?;
        self.left -= letters.len();
        self.filter.after = letters.last().map(|letter| (letter.died_at, letter.id)).or(self.filter.after);
        Ok(letters)
    }
}
