//! Plans as people and scripts see them.

use ledger::plans::ItemState;
use ledger::{Plan, PlanId};
use serde::Serialize;

use crate::commands::dead_letters::repair::show_samples;
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;
use service::operator::plans::{self, seconds};
use service::operator::repairs::Sample;
use service::output::counted as counted_as;

/// The answer about a plan that was made, for a script.
#[derive(Serialize)]
struct Made<'p> {
    /// The selector as it was written, with its times frozen; of the rest of another plan, the selector of that plan.
    selector: String,
    #[serde(flatten)]
    plan: &'p Plan,
    /// Seconds at the rate that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_at_rate: Option<f64>,
    /// The effect of the patch on some of the events.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<&'p [Sample]>,
}

/// Shows a plan that was made a moment ago, with the time that it takes at a rate of calls a second.
pub(super) async fn made(
    engines: &Engines,
    made: &plans::Made,
    (selector, rate): (String, Option<f64>),
    context: &mut Context,
) -> Result<Exit, Failure> {
    let (plan, samples) = (&made.plan, &made.samples);
    if context.output.is_json() {
        let samples = plan.frame.patched.is_some().then_some(samples.0.as_slice());
        let seconds_at_rate = rate.and_then(|rate| seconds(&plan.frame.estimate, Some(rate)));
        context.output.json(&Made { selector, plan, seconds_at_rate, samples })?;
        return Ok(Exit::Done);
    }
    context.output.line(&format!("selector: {selector}"))?;
    show_samples(samples, context)?;
    lines(engines, (plan, rate), context).await?;
    context.output.line(&match plan.count(ItemState::Planned) {
        0 => "nothing is left to run: every dead letter of the plan is left out".to_owned(),
        _ => format!("nothing is sent yet; to run it: dead-letters run {}", plan.id),
    })?;
    Ok(Exit::Done)
}

/// Shows a plan.
pub(super) async fn one(engines: &Engines, id: PlanId, context: &mut Context) -> Result<Exit, Failure> {
    let plan = plans::plan(engines, id).await?;
    if context.output.is_json() {
        context.output.json(&plan)?;
        return Ok(Exit::Done);
    }
    context.output.line(&format!("selector: {}", plan.frame.selector))?;
    lines(engines, (&plan, plan.options.rate), context).await?;
    Ok(Exit::Done)
}

/// Shows the state of a plan after an act, in one line.
pub(super) async fn steered(engines: &Engines, plan: &Plan, context: &mut Context) -> Result<Exit, Failure> {
    let plan = plans::plan(engines, plan.id).await?;
    if context.output.is_json() {
        context.output.json(&plan)?;
        return Ok(Exit::Done);
    }
    let (state, planned, under_way) = (plan.state.word(), plan.count(ItemState::Planned), plan.under_way());
    context.output.line(&format!(
        "plan {}: {state}; {planned} not sent, {under_way} under way (dead-letters report {})",
        plan.id, plan.id
    ))?;
    Ok(Exit::Done)
}

async fn lines(
    engines: &Engines,
    (plan, rate): (&Plan, Option<f64>),
    context: &mut Context,
) -> Result<(), Failure> {
    let directory = Directory::read(engines, None).await?;
    let (estimate, output) = (&plan.frame.estimate, &mut context.output);
    let all: u64 = plan.frame.connections.values().sum();
    let letters = counted_as(all, "dead letter");
    output.line(&format!("plan {}: {}, {letters} frozen", plan.id, plan.state.word()))?;
    output.line(&format!("set {}", plan.frame.digest))?;
    for (connection, count) in plan.frame.connections.iter().filter(|(_, count)| **count > 0) {
        output.line(&format!("{count:>9} of connection {}", directory.name(*connection)))?;
    }
    if let Some(patched) = plan.frame.patched {
        let (changed, unchanged) = (patched.changed, patched.unchanged);
        output.line(&format!("{changed:>9} patched, {unchanged} that need no change"))?;
    }
    let events = plan.frame.estimate.events;
    output.line(&format!(
        "{events} events, {} persons, {} calls (at most {}): {} creates, {} edits, {} status changes, {} searches",
        estimate.persons,
        estimate.calls(),
        estimate.most_calls,
        estimate.creates,
        estimate.edits,
        estimate.status_changes,
        estimate.searches
    ))?;
    let learned = lasts(estimate.seconds);
    match rate {
        Some(rate) => {
            let at_rate = lasts(seconds(estimate, Some(rate)));
            output.line(&format!("{learned} at the learned rate, {at_rate} at {rate} calls a second"))?;
        }
        None => output.line(&format!("{learned} at the learned rate"))?,
    }
    for state in [ItemState::LeftOut, ItemState::Skipped] {
        for (reason, count) in counted(plan, state) {
            output.line(&format!("{count:>9} {}{reason}", state.word().replace('_', " ")))?;
        }
    }
    if plan.count(ItemState::LeftOut) > 0 {
        output.line(&format!("to list them: dead-letters plans {} --skipped", plan.id))?;
    }
    Ok(())
}

/// The items of a state by reason, most first, each with its reason as it stands behind the words for the state.
pub(super) fn counted(plan: &Plan, state: ItemState) -> Vec<(String, u64)> {
    let of = plan.counts.iter().filter(|count| count.state == state && count.count > 0);
    let mut counts: Vec<(String, u64)> = of
        .map(|count| match count.reason.as_str() {
            "" => (String::new(), count.count),
            reason => (format!(": {reason}"), count.count),
        })
        .collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counts
}

/// A length of time in words.
pub(super) fn lasts(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "no time".to_owned() };
    match seconds {
        under if under < 120.0 => format!("{under:.0} s"),
        under if under < 7_200.0 => format!("{:.0} min", under / 60.0),
        hours => format!("{:.1} h", hours / 3_600.0),
    }
}
