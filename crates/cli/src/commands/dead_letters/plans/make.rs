//! `dead-letters plan`.

use ledger::{DeadLetterFilter, DeadLetterState, PlanId};

use super::progress::Progress;
use super::show;
use crate::commands::Context;
use crate::commands::dead_letters::act::Reason;
use crate::commands::dead_letters::selection::Wanted;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};
use crate::operator::audit::cli;
use crate::operator::dead_letters::act;
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
            (Wish { filter, selector, left_of, actor: cli(), reason: reason.text() }, None, None)
        }
        _ => {
            let selection = wanted.to_act(false, DeadLetterState::Open, engines).await?.selection;
            let selector = act(engines, &cli(), &selection, None).selector;
            let filter = selection.filter.clone();
            let wish = Wish { filter, selector, left_of, actor: cli(), reason: reason.text() };
            (wish, Some(selection.selector.to_string()), Some(selection.count))
        }
    };
    wish.filter.limit = wanted.limit.unwrap_or(usize::MAX);
    let blocked = context.loaded.config.identifiers.blocked_list();
    let mut progress = Progress::new(context.output.is_json(), all);
    let made = plans::make(engines, &blocked, wish, &mut |frozen| progress.planning(frozen)).await;
    progress.end();
    show::made(engines, &made?, frozen, context).await
}
