//! `dead-letters plan`.

use ledger::{DeadLetterFilter, DeadLetterState, PlanId};

use super::progress::Progress;
use super::show;
use crate::commands::Context;
use crate::commands::dead_letters::close::{Reason, act};
use crate::commands::dead_letters::selection::Wanted;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};
use crate::operator::plans::{self, Wish};

pub(super) async fn make(
    engines: &Engines,
    wanted: &Wanted,
    (left_of, reason): (Option<PlanId>, &Reason),
    context: &mut Context,
) -> Result<Exit, Failure> {
    let (mut wish, frozen, all) = match left_of {
        Some(other) if wanted.is_empty() => {
            let left = plans::plan(engines, other).await?;
            let filter = DeadLetterFilter { limit: usize::MAX, ..DeadLetterFilter::default() };
            let selector = format!("what is left of plan {other}: {}", left.frame.selector);
            (Wish { filter, selector, left_of, reason: reason.text() }, None, None)
        }
        _ => {
            let selection = wanted.to_act(false, DeadLetterState::Open, engines).await?;
            let selector = act(engines, &selection, reason).selector;
            let wish = Wish { filter: selection.filter.clone(), selector, left_of, reason: reason.text() };
            (wish, Some(selection.selector.to_string()), Some(selection.count))
        }
    };
    wish.filter.limit = wanted.limit.unwrap_or(usize::MAX);
    let blocked = plans::blocked(&context.loaded.config);
    let mut progress = Progress::new(context.output.is_json(), all);
    let made =
        plans::make(engines, &blocked, wish, &mut |frozen, seen| progress.planning(frozen, seen)).await;
    progress.end();
    show::made(engines, &made?, frozen, context).await
}
