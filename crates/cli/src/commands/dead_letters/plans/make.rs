//! `dead-letters plan`.

use ledger::{DeadLetterFilter, DeadLetterState};

use super::options::Rate;
use super::progress::Progress;
use super::{Make, show};
use crate::commands::dead_letters::repair::{read_patch, try_patch};
use crate::commands::dead_letters::selection::Wanted;
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::audit::cli;
use service::operator::dead_letters::act;
use service::operator::plans::{self, PlanRequest};

pub(super) async fn make(
    engines: &Engines,
    wanted: &Wanted,
    make: &Make,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let patch = make.patch.as_deref().map(read_patch).transpose()?;
    let (left_of, actor, reason) = (make.left_of, cli(), make.reason.text());
    let rate = make.rate.map(|Rate(rate)| rate);
    rate.map_or(Ok(()), plans::check_rate)?;
    let (mut request, frozen, all) = match left_of {
        Some(other) if wanted.is_empty() => {
            let left = plans::plan(engines, other).await?;
            let filter = DeadLetterFilter { limit: usize::MAX, ..DeadLetterFilter::default() };
            let selector = format!("what is left of plan {other}: {}", left.frame.selector);
            let shown = selector.clone();
            (PlanRequest { filter, selector, left_of, actor, reason, patch }, shown, None)
        }
        _ => {
            let selection = wanted.to_act(false, DeadLetterState::Open, engines).await?.selection;
            if let Some(patch) = patch.as_ref().filter(|_| make.dry_run) {
                return try_patch(engines, &selection, patch, context).await;
            }
            let selector = act(engines, &cli(), &selection, None).selector;
            let filter = selection.filter.clone();
            let request = PlanRequest { filter, selector, left_of, actor, reason, patch };
            (request, selection.selector.to_string(), Some(selection.count))
        }
    };
    request.filter.limit = wanted.limit.unwrap_or(usize::MAX);
    let blocked = context.loaded.config.identifiers.blocked_list();
    let mut progress = Progress::new(context.output.is_json(), all);
    let made = plans::make(engines, &blocked, request, &mut |frozen| progress.planning(frozen)).await;
    progress.end();
    show::made(engines, &made?, (frozen, rate), context).await
}
