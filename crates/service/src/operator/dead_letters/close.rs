//! Discards and restores dead letters.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ledger::selector::Term;
use ledger::{Act, DeadLetterState, DeadLetterView};

use super::{Pages, Row, Selection, changed_at_once};
use crate::engines::Engines;
use crate::failure::Failure;

/// How long the payloads of discarded dead letters are kept.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// The longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 500;

/// Upper limit of ids that the audit names for an act; for the others it has only their number.
const NAMED_IDS: usize = 20;

/// The act on each page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Discard, and keep the payloads until then; without a time they are dropped at once.
    Discard(Option<Timestamp>),
    /// Open again.
    Restore,
}

impl Close {
    /// Discards so that it can be restored for `KEPT`, or not at all.
    #[must_use]
    pub fn discard(now: Timestamp, for_good: bool) -> Self {
        Self::Discard((!for_good).then(|| now.checked_add(KEPT).unwrap_or(now)))
    }

    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Discard(_) => "discarded",
            Self::Restore => "restored",
        }
    }

    /// Why a dead letter was left as it is.
    fn refusal(self, letter: &DeadLetterView) -> &'static str {
        match self {
            Self::Discard(_) => "it is not open",
            Self::Restore if letter.state != DeadLetterState::Discarded => "it is not discarded",
            Self::Restore if letter.payload.is_none() => "its event was erased or is no longer kept",
            Self::Restore => "its event has ended",
        }
    }
}

/// The act as the audit keeps it: a text that is searched for may be personal, and is left out.
#[must_use]
pub fn act(engines: &Engines, actor: &str, selection: &Selection, reason: Option<&str>) -> Act {
    let terms = selection.selector.terms().iter().map(|term| match term {
        Term::Text(_) => "text:…".to_owned(),
        Term::Id(ids) => named(ids),
        other => other.to_string(),
    });
    let selector = terms.collect::<Vec<_>>().join(" ");
    let reason = reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect());
    Act { at: engines.now(), actor: actor.to_owned(), selector, reason }
}

/// The first ids, and how many others there are.
fn named(ids: &[i64]) -> String {
    let first: Vec<String> = ids.iter().take(NAMED_IDS).map(i64::to_string).collect();
    let first = first.join(",");
    match ids.len().saturating_sub(NAMED_IDS) {
        0 => format!("id:{first}"),
        1 => format!("id:{first} and 1 other"),
        others => format!("id:{first} and {others} others"),
    }
}

pub(super) async fn run(
    engines: &Engines,
    selection: &Selection,
    close: Close,
    act: &Act,
    each: &mut (dyn FnMut(Row) + Send),
) -> Result<(), Failure> {
    let (mut pages, mut size) = (Pages::of(selection), changed_at_once());
    loop {
        let letters = pages.next(engines, size.rows()).await?;
        if letters.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = letters.iter().map(|letter| letter.id).collect();
        let began = Instant::now();
        let moved = match close {
            Close::Discard(kept_until) => engines.dead_letters.discard(&ids, act, kept_until).await?,
            Close::Restore => engines.dead_letters.restore(&ids, act).await?,
        };
        size.learn(ids.len(), began.elapsed());
        let moved: BTreeSet<i64> = moved.into_iter().collect();
        letters.iter().for_each(|letter| each(row(close, letter, moved.contains(&letter.id))));
    }
}

fn row(close: Close, letter: &DeadLetterView, is_moved: bool) -> Row {
    let state = match (is_moved, close) {
        (false, _) => letter.state,
        (true, Close::Discard(_)) => DeadLetterState::Discarded,
        (true, Close::Restore) => DeadLetterState::Open,
    };
    let reason = (!is_moved).then(|| close.refusal(letter));
    Row { id: letter.id, event_id: Some(letter.event), state: state.word(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_names_the_first_ids_and_the_number_of_the_others() {
        assert_eq!(named(&[17]), "id:17");
        assert_eq!(named(&[17, 18]), "id:17,18");
        let first = (1..=20).map(|id: i64| id.to_string()).collect::<Vec<_>>().join(",");
        let many = |last| named(&(1..=last).collect::<Vec<i64>>());
        assert_eq!(many(20), format!("id:{first}"));
        assert_eq!(many(21), format!("id:{first} and 1 other"));
        assert_eq!(many(1_020), format!("id:{first} and 1000 others"));
    }
}
