//! `dead-letters discard`: nobody will try these events again, and their payloads are dropped.

use ledger::{DeadLetterFilter, DeadLetterState, DeadLetterView};

use super::replay::{Row, missing, show};
use super::show::state_word;
use crate::commands::Context;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};

/// Letters that are read at once, payloads included.
const AT_ONCE: usize = 100;

pub(super) async fn run(
    engines: &Engines,
    filter: &DeadLetterFilter,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    match &filter.ids {
        Some(ids) => {
            for ids in ids.chunks(AT_ONCE) {
                let some = DeadLetterFilter { ids: Some(ids.to_vec()), limit: AT_ONCE, ..filter.clone() };
                rows.extend(discard(engines, &some).await?);
            }
            let missing = missing(filter, rows.iter().map(|row: &Row| row.id))?;
            rows.splice(0..0, missing);
        }
        None => {
            while rows.len() < filter.limit {
                let limit = AT_ONCE.min(filter.limit - rows.len());
                let some = discard(engines, &DeadLetterFilter { limit, ..filter.clone() }).await?;
                // What another operator has moved meanwhile is not among the open ones next time.
                if some.is_empty() {
                    break;
                }
                rows.extend(some);
            }
        }
    }
    show(&rows, "discarded", context)
}

async fn discard(engines: &Engines, filter: &DeadLetterFilter) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for letter in engines.ledger.dead_letters(filter).await? {
        let (open, discarded) = (DeadLetterState::Open, DeadLetterState::Discarded);
        let moved = engines.ledger.move_dead_letters(&[letter.id], open, discarded).await?;
        rows.push(row(&letter, moved > 0));
    }
    Ok(rows)
}

fn row(letter: &DeadLetterView, moved: bool) -> Row {
    let (state, reason) = match moved {
        true => (DeadLetterState::Discarded, None),
        false => (letter.state, Some("it is not open")),
    };
    Row { id: letter.id, event_id: Some(letter.event), state: state_word(state), reason }
}
