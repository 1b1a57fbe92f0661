//! `dead-letters report`.

use ledger::plans::{ItemCount, ItemState};
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

/// The reasons for which a dead letter is left out or skipped because nothing of it has to be delivered any more.
const NEEDS_NOTHING: [&str; 3] = ["delivered meanwhile", "superseded", "user deleted"];

/// 0 if all was delivered, 4 if the plan's own rule stopped it, 3 otherwise.
fn exit(report: &Report) -> Exit {
    let plan = &report.plan;
    let open = plan.count(ItemState::Planned) + plan.count(ItemState::Waits) + plan.under_way();
    let is_passed_over = |count: &&ItemCount| {
        matches!(count.state, ItemState::LeftOut | ItemState::Skipped)
            && !NEEDS_NOTHING.contains(&count.reason.as_str())
    };
    let passed_over = plan.counts.iter().filter(is_passed_over).count();
    match plan.state {
        PlanState::Stopped => Exit::Stopped,
        PlanState::Done if plan.tally().failed == 0 && open == 0 && passed_over == 0 => Exit::Done,
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
    let not_sent = if plan.state.is_finished() { "not sent" } else { "not sent yet" };
    for (state, words) in [
        (ItemState::Delivered, "delivered"),
        (ItemState::SameCause, "failed again of the same cause"),
        (ItemState::NewCause, "failed again of a new cause"),
        (ItemState::Waits, "kept: the person waits"),
        (ItemState::Skipped, "skipped, changed since the plan"),
        (ItemState::LeftOut, "left out when it was planned"),
        (ItemState::Planned, not_sent),
    ] {
        for (reason, count) in counted(plan, state) {
            output.line(&format!("{count:>9} {words}{reason}"))?;
        }
    }
    if plan.under_way() > 0 {
        output.line(&format!("{:>9} under way", plan.under_way()))?;
    }
    output.line("")?;
    // A replay in one step is not planned.
    let is_planned = !plan.frame.digest.is_empty();
    output.line(&match is_planned {
        true => format!("calls: {} planned, {} needed", report.calls_planned, report.calls_needed),
        false => format!("calls: {} needed", report.calls_needed),
    })?;
    if plan.repeated_calls > 0 {
        let calls = if plan.repeated_calls == 1 { "call" } else { "calls" };
        output.line(&format!("repeated after an interruption: {} {calls}", plan.repeated_calls))?;
    }
    let planned = lasts(report.seconds_planned);
    output.line(&match plan.progress.started_at {
        Some(_) if !is_planned => format!("time:  {} needed", lasts(report.seconds_needed)),
        Some(_) => format!("time:  {planned} planned, {} needed", lasts(report.seconds_needed)),
        None => format!("time:  {planned} planned; {}", not_begun(plan.state)),
    })?;
    next(plan.id, plan.state, report.left).iter().try_for_each(|line| output.line(line))
}

/// The progress of a plan of which nothing was sent.
fn not_begun(state: PlanState) -> &'static str {
    match state {
        PlanState::Planning | PlanState::Ready => "it has not run yet",
        PlanState::Running | PlanState::Paused | PlanState::Stopped => "it has sent nothing yet",
        PlanState::Cancelled | PlanState::Done | PlanState::Expired => "it has sent nothing",
    }
}

/// The commands for unfinished items: a plan that has begun and not finished reserves them.
fn next(plan: PlanId, state: PlanState, left: u64) -> Vec<String> {
    let cancel = format!("end it, to free its remaining dead letters: dead-letters cancel {plan}");
    let resume = format!("go on with it: dead-letters resume {plan}");
    let again = format!("plan the remaining dead letters: dead-letters plan --left-of {plan}");
    if left == 0 {
        return Vec::new();
    }
    match state {
        PlanState::Planning | PlanState::Running => Vec::new(),
        PlanState::Ready => vec![format!("to run it: dead-letters run {plan}")],
        PlanState::Paused | PlanState::Stopped => vec![resume, cancel, format!("after that, {again}")],
        PlanState::Cancelled | PlanState::Done | PlanState::Expired => vec![again],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_with_remaining_dead_letters_has_to_be_cancelled_first() {
        for state in PlanState::ALL {
            let lines = next(7, state, 3).join("\n");
            let (offers, cancels) = (lines.contains("--left-of 7"), lines.contains("cancel 7"));
            assert!(!offers || state.is_finished() || cancels, "{lines}");
            assert!(next(7, state, 0).is_empty());
        }
        let stopped = next(7, PlanState::Stopped, 3);
        let places = ["resume 7", "cancel 7", "--left-of 7"]
            .map(|it| stopped.iter().position(|line| line.contains(it)));
        assert_eq!(places, [Some(0), Some(1), Some(2)], "{stopped:?}");
    }
}
