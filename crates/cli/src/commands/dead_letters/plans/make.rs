//! `dead-letters plan`.

use std::collections::BTreeMap;

use ledger::{DeadLetterFilter, DeadLetterState};
use repair::Patch;
use serde::Serialize;

use super::options::Rate;
use super::progress::Progress;
use super::{Make, show};
use crate::commands::dead_letters::repair::{read_patch, show_samples, would};
use crate::commands::dead_letters::selection::Wanted;
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;
use service::operator::audit::cli;
use service::operator::dead_letters::{Selection, act};
use service::operator::plans::{self, PlanRequest};
use service::operator::repairs::{RepairResult, Repairer, Sample, preview};

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
            (PlanRequest { filter, selector, left_of, actor, reason, patch }, None, None)
        }
        _ => {
            let selection = wanted.to_act(false, DeadLetterState::Open, engines).await?.selection;
            if let Some(patch) = patch.as_ref().filter(|_| make.dry_run) {
                return try_patch(engines, &selection, patch, context).await;
            }
            let selector = act(engines, &cli(), &selection, None).selector;
            let filter = selection.filter.clone();
            let request = PlanRequest { filter, selector, left_of, actor, reason, patch };
            (request, Some(selection.selector.to_string()), Some(selection.count))
        }
    };
    request.filter.limit = wanted.limit.unwrap_or(usize::MAX);
    let blocked = context.loaded.config.identifiers.blocked_list();
    let mut progress = Progress::new(context.output.is_json(), all);
    let made = plans::make(engines, &blocked, request, &mut |frozen| progress.planning(frozen)).await;
    progress.end();
    show::made(engines, &made?, (frozen, rate), context).await
}

/// What a patch would do.
#[derive(Serialize)]
struct Tried {
    selector: String,
    count: u64,
    /// How many would end in each way.
    results: BTreeMap<RepairResult, u64>,
    /// How many would not be changed, by reason.
    reasons: BTreeMap<String, u64>,
    /// The three newest.
    samples: Vec<Sample>,
}

/// Tries a patch on what a plan would freeze. Nothing is stored.
async fn try_patch(
    engines: &Engines,
    selection: &Selection,
    patch: &Patch,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let directory = Directory::read(engines, None).await?;
    let repairer = Repairer::new(&directory, &context.loaded.config.identifiers.blocked_list());
    let preview = preview(engines, &repairer, selection, patch).await?;
    if context.output.is_json() {
        let (results, reasons, samples) = (preview.results, preview.reasons, preview.samples.0);
        let selector = selection.selector.to_string();
        context.output.json(&Tried { selector, count: selection.count, results, reasons, samples })?;
        return Ok(Exit::Done);
    }
    context.output.line(&format!("{}\n", selection.summary()))?;
    show_samples(&preview.samples, context)?;
    would(&preview, context)?;
    context.output.line("nothing is planned or stored: this is a dry run")?;
    Ok(Exit::Done)
}
