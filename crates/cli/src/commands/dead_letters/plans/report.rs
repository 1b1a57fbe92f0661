//! `dead-letters report`.

use ledger::plans::ItemState;
use ledger::{PlanId, PlanState};

use super::export::Export;
use super::show::{counted, lasts};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;
use service::operator::plans::{ItemRow, Report, report};

pub(super) async fn run(
    engines: &Engines,
    plan: PlanId,
    mut export: Export,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let directory = Directory::read(engines, None).await?;
    let is_wanted = export.is_wanted();
    let each = |item: &ledger::plans::PlanItem| match is_wanted {
        true => export.write(&ItemRow::of(item, &directory)),
        false => Ok(()),
    };
    let report = report(engines, plan, each).await?;
    export.end()?;
    match context.output.is_json() {
        true => context.output.json(&report)?,
        false => show(&report, context)?,
    }
    Ok(exit(&report))
}

/// 0 if all was delivered, 4 if the plan's own rule stopped it, 3 otherwise.
fn exit(report: &Report) -> Exit {
    let plan = &report.plan;
    let open = plan.count(ItemState::Planned) + plan.under_way();
    match plan.state {
        PlanState::Stopped => Exit::Stopped,
        PlanState::Done if plan.tally().failed == 0 && open == 0 => Exit::Done,
        _ => Exit::Partly,
    }
}

fn show(report: &Report, context: &mut Context) -> Result<(), Failure> {
    let plan = &report.plan;
    let output = &mut context.output;
    output.line(&format!("plan {}: {}", plan.id, plan.state.word()))?;
    output.line(&format!("selector: {}", plan.frame.selector))?;
    if let Some(why) = &plan.progress.stopped_because {
        output.line(&format!("it stopped: {why}"))?;
    }
    if let Some(canary) = plan.progress.canary {
        let (delivered, failed) = (canary.tally.delivered, canary.tally.failed);
        let end = if canary.passed { "passed" } else { "failed" };
        output.line(&format!("canary {end}: {delivered} delivered, {failed} failed again"))?;
    }
    output.line("")?;
    for (state, words) in [
        (ItemState::Delivered, "delivered"),
        (ItemState::SameCause, "failed again of the same cause"),
        (ItemState::NewCause, "failed again of a new cause"),
        (ItemState::Waits, "kept: the person waits"),
        (ItemState::Skipped, "skipped, changed since the plan"),
        (ItemState::LeftOut, "left out when it was planned"),
        (ItemState::Planned, "not sent yet"),
    ] {
        for (reason, count) in counted(plan, state) {
            output.line(&format!("{count:>9} {words}{reason}"))?;
        }
    }
    if plan.under_way() > 0 {
        output.line(&format!("{:>9} under way", plan.under_way()))?;
    }
    output.line("")?;
    output.line(&format!("calls: {} planned, {} needed", report.calls_planned, report.calls_needed))?;
    if plan.repeated_calls > 0 {
        let calls = if plan.repeated_calls == 1 { "call" } else { "calls" };
        output.line(&format!("repeated after an interruption: {} {calls}", plan.repeated_calls))?;
    }
    let (planned, needed) = (lasts(report.seconds_planned), lasts(report.seconds_needed));
    output.line(&format!("time:  {planned} planned, {needed} needed"))?;
    next(plan.id, plan.state, report.left).iter().try_for_each(|line| output.line(line))
}

/// What can be done about what is left: a plan that has begun and not finished holds it.
fn next(plan: PlanId, state: PlanState, left: u64) -> Vec<String> {
    let cancel = format!("end it, so that others can have what is left: dead-letters cancel {plan}");
    let again = format!("plan what is left: dead-letters plan --left-of {plan}");
    if left == 0 {
        return Vec::new();
    }
    match state {
        PlanState::Planning | PlanState::Ready | PlanState::Running => Vec::new(),
        PlanState::Paused | PlanState::Stopped => vec![cancel, again],
        PlanState::Cancelled | PlanState::Done | PlanState::Expired => vec![again],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_holds_what_is_left_has_to_be_cancelled_first() {
        for state in PlanState::ALL {
            let lines = next(7, state, 3).join("\n");
            let (offers, cancels) = (lines.contains("--left-of 7"), lines.contains("cancel 7"));
            assert!(!offers || state.is_finished() || cancels, "{lines}");
            assert!(next(7, state, 0).is_empty());
        }
        assert!(next(7, PlanState::Stopped, 3)[0].contains("dead-letters cancel 7"));
    }
}
