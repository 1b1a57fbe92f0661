//! The acts of an operator on a plan. Each changes the plan's state; the runner does the work.

use ledger::plans::{PlanChange, Progress, RunOptions};
use ledger::{Act, Plan, PlanId, PlanState};

use super::{CANCELLED, act_on, plan};
use crate::engines::Engines;
use crate::failure::Failure;

/// The largest canary, in persons.
const MAX_CANARY: u32 = 10_000;

/// Lets a plan run. A process with workers runs it.
///
/// # Errors
///
/// [`Failure`] if there is no such plan, it is not ready, or an option is out of range.
pub async fn run(engines: &Engines, actor: &str, id: PlanId, options: RunOptions) -> Result<Plan, Failure> {
    check(&options)?;
    let act = act(engines, actor, id, options.reason.clone()).await?;
    let change = PlanChange {
        options: Some(options),
        act: Some((act, "plan_run")),
        ..PlanChange::to(&[PlanState::Ready], PlanState::Running)
    };
    steer(engines, id, &change, "it can be run once, when it is ready").await
}

/// Releases nothing more until the plan is resumed.
///
/// # Errors
///
/// [`Failure`] if there is no such plan, or it does not run.
pub async fn pause(
    engines: &Engines,
    actor: &str,
    id: PlanId,
    reason: Option<String>,
) -> Result<Plan, Failure> {
    let act = act(engines, actor, id, reason).await?;
    let change = PlanChange {
        act: Some((act, "plan_paused")),
        ..PlanChange::to(&[PlanState::Running], PlanState::Paused)
    };
    steer(engines, id, &change, "only a plan that runs can be paused").await
}

/// Resumes a plan that was paused, or stopped by its own rule. The results that made it stop no longer count, and a plan with a canary
/// begins with a new one.
///
/// # Errors
///
/// [`Failure`] if there is no such plan, or it is neither paused nor stopped.
pub async fn resume(
    engines: &Engines,
    actor: &str,
    id: PlanId,
    reason: Option<String>,
) -> Result<Plan, Failure> {
    let now = plan(engines, id).await?;
    if !matches!(now.state, PlanState::Paused | PlanState::Stopped) {
        return Err(refused(&now, "only a plan that is paused or stopped can be resumed"));
    }
    let act = act(engines, actor, id, reason).await?;
    let progress = (now.state == PlanState::Stopped).then(|| Progress {
        stopped_because: None,
        ended_at: None,
        canary: None,
        canary_until: None,
        forgiven: now.tally(),
        ..now.progress.clone()
    });
    let change = PlanChange {
        progress,
        act: Some((act, "plan_resumed")),
        ..PlanChange::to(&[now.state], PlanState::Running)
    };
    steer(engines, id, &change, "its state has changed meanwhile").await
}

/// Ends a plan. Items under way come to their results; the other dead letters stay as they are, and other plans can have them.
///
/// # Errors
///
/// [`Failure`] if there is no such plan, or it has finished.
pub async fn cancel(
    engines: &Engines,
    actor: &str,
    id: PlanId,
    reason: Option<String>,
) -> Result<Plan, Failure> {
    let act = act(engines, actor, id, reason).await?;
    let from =
        [PlanState::Planning, PlanState::Ready, PlanState::Running, PlanState::Paused, PlanState::Stopped];
    let change = PlanChange { act: Some((act, CANCELLED)), ..PlanChange::to(&from, PlanState::Cancelled) };
    steer(engines, id, &change, "it has finished already").await
}

async fn act(engines: &Engines, actor: &str, id: PlanId, reason: Option<String>) -> Result<Act, Failure> {
    let plan = plan(engines, id).await?;
    Ok(act_on(id, &plan.frame.selector, actor, engines.now(), reason))
}

async fn steer(engines: &Engines, id: PlanId, change: &PlanChange, why_not: &str) -> Result<Plan, Failure> {
    let before = plan(engines, id).await?;
    // The plan may have expired although its row does not say so yet.
    let is_expired = before.state == PlanState::Expired;
    if is_expired || !engines.plans.change_plan(id, change).await? {
        return Err(refused(&before, why_not));
    }
    plan(engines, id).await
}

fn refused(plan: &Plan, why_not: &str) -> Failure {
    let message = format!("plan {} is {}: {why_not}", plan.id, plan.state.word());
    let hint = match plan.state {
        PlanState::Planning | PlanState::Ready | PlanState::Expired => {
            format!("`dead-letters plans {}` shows it", plan.id)
        }
        _ => format!("`dead-letters report {}` shows how far it is, and what can be done next", plan.id),
    };
    Failure::refused("plan_state", message, hint)
}

/// Whether a plan can have this rate, in calls a second.
///
/// # Errors
///
/// [`Failure`] with the code `plan_options`, which names the limits.
pub fn check_rate(rate: f64) -> Result<(), Failure> {
    let is_valid = rate > 0.0 && rate <= 1_000.0;
    let message = "the rate must be above 0 and at most 1000 calls a second";
    if is_valid { Ok(()) } else { Err(bad_options(message)) }
}

fn bad_options(message: &str) -> Failure {
    Failure::usage("plan_options", message, "see `dead-letters run --help`")
}

fn check(options: &RunOptions) -> Result<(), Failure> {
    let bad = |message: &str| Err(bad_options(message));
    options.rate.map_or(Ok(()), check_rate)?;
    if options.canary > MAX_CANARY {
        return bad("the canary has more than 10,000 persons");
    }
    if options.stop_if.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return bad("the share to stop at must be from 0 % to 100 %");
    }
    Ok(())
}
