//! `dead-letters run`: starts a plan, and shows its progress until it ends.

use std::time::Duration;

use ledger::plans::RunOptions;
use ledger::{Plan, PlanState};

use super::Run;
use super::export::Export;
use super::options::{Rate, Share};
use super::progress::Progress;
use super::{report, show};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::audit::cli;
use service::operator::plans::{self, STOP_IF};
use service::operator::workers::Workers;

/// How often the plan is looked at.
const LOOK: Duration = Duration::from_millis(500);

pub(super) async fn run(engines: &Engines, run: Run, context: &mut Context) -> Result<Exit, Failure> {
    let options = RunOptions {
        rate: run.rate.map(|Rate(rate)| rate),
        canary: run.canary,
        stop_if: run.stop_if.map(|Share(share)| share).or((run.canary > 0).then_some(STOP_IF)),
        reason: run.reason.text(),
    };
    let plan = plans::run(engines, &cli(), run.plan, options).await?;
    let nobody = !Workers::read(engines, &context.loaded.config).await?.delivers();
    if nobody {
        tracing::warn!("no worker runs: the plan begins when `serve` or `worker` is started");
    }
    if run.detach {
        return show::steered(engines, &plan, context).await;
    }
    let mut progress = Progress::new(context.output.is_json(), None);
    let watched = watch(engines, plan, &mut progress).await;
    progress.end();
    report::run(engines, watched?.id, Export::Nowhere, context).await
}

/// Waits until the plan no longer runs and none of its items is under way.
async fn watch(engines: &Engines, mut plan: Plan, progress: &mut Progress) -> Result<Plan, Failure> {
    let mut is_decided = false;
    loop {
        progress.running(&plan);
        if let Some(canary) = plan.progress.canary.filter(|_| !is_decided) {
            is_decided = true;
            let (tally, end) =
                (canary.tally, if canary.passed { "the others follow" } else { "the plan stops" });
            progress.show_text(&format!(
                "canary: {} delivered, {} failed again: {end}",
                tally.delivered, tally.failed
            ));
        }
        if plan.state != PlanState::Running && plan.under_way() == 0 {
            return Ok(plan);
        }
        tokio::time::sleep(LOOK).await;
        plan = plans::plan(engines, plan.id).await?;
    }
}
