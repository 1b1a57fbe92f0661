//! Dead letters as operators select them and act on them: the same for the command line and for the HTTP API.

mod close;
mod groups;
mod one_step;
mod pages;
mod replay;
mod selection;
#[cfg(test)]
mod tests;

use ledger::{Act, AuditEntry, PlanId};

pub use close::{Close, MAX_REASON_CHARS, act};
pub use groups::{GroupRow, Noted, counted_by_groups, groups, note};
pub use pages::{AT_ONCE, Pages, Row, changed_at_once};
pub use selection::{Frozen, Selection, in_micros, to_act};

use crate::engines::Engines;
use crate::failure::Failure;

/// An act on dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Their events are processed again.
    Replay,
    /// They are closed, or opened again.
    Close(Close),
}

impl Verb {
    /// The name of the act in the audit.
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Replay => "dead_letters_replayed",
            Self::Close(Close::Discard(_)) => "dead_letters_discarded",
            Self::Close(Close::Restore) => "dead_letters_restored",
        }
    }

    /// The act as a participle.
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Replay => "replayed",
            Self::Close(close) => close.done(),
        }
    }
}

/// Acts on every dead letter of a selection, in pages, and passes the result of each existing one to `each`, newest first. The
/// audit gets an entry for each page and connection, and a single one if there was nothing to do. For a replay, returns the
/// plan that records the results.
///
/// # Errors
///
/// [`Failure`] if queue or ledger cannot be used. Acts that were done until then stay done, and are in the audit.
pub async fn carry_out(
    engines: &Engines,
    selection: &Selection,
    verb: Verb,
    act: &Act,
    each: &mut (dyn FnMut(Row) + Send),
) -> Result<Option<PlanId>, Failure> {
    let mut is_any_done = false;
    let mut each = |row: Row| {
        is_any_done |= row.reason.is_none();
        each(row);
    };
    let plan = match verb {
        Verb::Replay => replay::run(engines, selection, act, &mut each).await?,
        Verb::Close(close) => {
            close::run(engines, selection, close, act, &mut each).await?;
            None
        }
    };
    if !is_any_done {
        let subject = format!("0 dead letters of `{}`", act.selector);
        let nothing = AuditEntry {
            selector: Some(act.selector.clone()),
            reason: act.reason.clone(),
            number: Some(0),
            ..AuditEntry::new(act.at, &act.actor, verb.action(), subject)
        };
        engines.operators.note(&[nothing]).await?;
    }
    Ok(plan)
}
