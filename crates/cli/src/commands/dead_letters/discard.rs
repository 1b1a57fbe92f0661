//! `dead-letters discard`: nobody will try these events again, and their payloads are dropped.

use ledger::{DeadLetterState, DeadLetterView};

use super::act::{Pages, Row, add_missing, show};
use super::selection::Selection;
use crate::commands::Context;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};

pub(super) async fn run(
    engines: &Engines,
    selection: &Selection,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let mut pages = Pages::of(selection);
    loop {
        let letters = pages.next(engines).await?;
        if letters.is_empty() {
            break;
        }
        for letter in letters {
            rows.push(discard(engines, &letter).await?);
        }
    }
    add_missing(selection, &mut rows)?;
    show(selection, &rows, "discarded", context)
}

/// Discards one, unless another operator has moved it since it was read.
async fn discard(engines: &Engines, letter: &DeadLetterView) -> Result<Row, Failure> {
    let (open, discarded) = (DeadLetterState::Open, DeadLetterState::Discarded);
    let is_moved = engines.ledger.move_dead_letters(&[letter.id], open, discarded).await? > 0;
    let (state, reason) = match is_moved {
        true => (discarded, None),
        false => (letter.state, Some("it is not open")),
    };
    Ok(Row { id: letter.id, event_id: Some(letter.event), state: state.word(), reason })
}
