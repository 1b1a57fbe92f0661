//! `dead-letters patch`: every dead letter of a selection, page by page.

use std::collections::BTreeMap;

use repair::Patch;
use serde::Serialize;

use super::super::act::Reason;
use super::ask::confirm;
use super::differences::show as show_changes;
use super::{Many, read_patch};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::dead_letters::{Selection, act};
use service::operator::repairs::{
    Outcome, Preview, RepairResult, Repairer, Sample, Samples, preview, repair_all,
};
use service::operator::{Directory, audit};

/// Dead letters whose ids the hint about a replay names.
const NAMED: usize = 20;

/// The results of all.
#[derive(Serialize)]
struct Answer {
    selector: String,
    count: u64,
    /// How many ended in each way.
    results: BTreeMap<RepairResult, usize>,
    /// How many were not changed, by reason.
    reasons: BTreeMap<String, usize>,
    dead_letters: Vec<Outcome>,
}

pub(in super::super) async fn run(
    engines: &Engines,
    selection: &Selection,
    (many, reason): (&Many, &Reason),
    context: &mut Context,
) -> Result<Exit, Failure> {
    let patch = read_patch(&many.patch)?;
    let directory = Directory::read(engines, None).await?;
    let repairer = Repairer::new(&directory, &context.loaded.config.identifiers.blocked_list());
    if many.dry_run {
        return try_patch(engines, selection, &patch, context).await;
    }
    if !context.output.is_json() {
        context.output.line(&format!("{}\n", selection.summary()))?;
        let preview = preview(engines, &repairer, selection, &patch).await?;
        show_samples(&preview.samples, context)?;
        would(&preview, context)?;
    }
    let question = format!("Patch the events of {} dead letters?", selection.count);
    confirm(&question, many.yes)?;
    let act = act(engines, &audit::cli(), selection, reason.text().as_deref());
    let is_json = context.output.is_json();
    let mut done = Done::default();
    let each = &mut |outcome: Outcome| done.count(outcome, is_json);
    repair_all(engines, &repairer, selection, (&patch, &act), each).await?;
    finish(selection, done, context)
}

/// The effect of a patch.
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

/// Tries a patch on the dead letters of a selection. Nothing is stored.
pub(in super::super) async fn try_patch(
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

/// The numbers of results of all; the result of each is kept for scripts alone.
#[derive(Default)]
struct Done {
    results: BTreeMap<RepairResult, usize>,
    reasons: BTreeMap<String, usize>,
    outcomes: Vec<Outcome>,
    /// The first ids with a new revision.
    changed: Vec<i64>,
}

impl Done {
    fn count(&mut self, outcome: Outcome, is_kept: bool) {
        *self.results.entry(outcome.result).or_default() += 1;
        if outcome.result == RepairResult::Changed && self.changed.len() < NAMED {
            self.changed.push(outcome.id);
        }
        if let Some(reason) = &outcome.reason {
            *self.reasons.entry(reason.clone()).or_default() += 1;
        }
        if is_kept {
            self.outcomes.push(outcome);
        }
    }
}

/// Shows the effect of a patch on a few dead letters.
pub(in super::super) fn show_samples(samples: &Samples, context: &mut Context) -> Result<(), Failure> {
    for sample in &samples.0 {
        context.output.line(&format!("dead letter {}:", sample.id))?;
        match &sample.changes {
            Some(changes) => show_changes(changes, &mut context.output)?,
            None => {
                let why = sample.reason.as_deref().unwrap_or_default();
                context.output.line(&format!("not changed: {why}"))?;
            }
        }
        context.output.line("")?;
    }
    Ok(())
}

/// Shows the effect that a patch would have on all.
fn would(preview: &Preview, context: &mut Context) -> Result<(), Failure> {
    for (reason, number) in &preview.reasons {
        context.output.line(&format!("{number} would not be changed: {reason}"))?;
    }
    let changed = preview.results.get(&RepairResult::Changed).copied().unwrap_or(0);
    context.output.line(&format!("{changed} would be changed"))
}

fn finish(selection: &Selection, done: Done, context: &mut Context) -> Result<Exit, Failure> {
    let Done { results, reasons, outcomes, changed: ids } = done;
    let changed = results.get(&RepairResult::Changed).copied().unwrap_or(0);
    let not = results.values().sum::<usize>() - changed;
    if context.output.is_json() {
        let selector = selection.selector.to_string();
        context.output.json(&Answer {
            selector,
            count: selection.count,
            results,
            reasons,
            dead_letters: outcomes,
        })?;
    } else {
        for (reason, number) in reasons {
            context.output.line(&format!("{number} not done: {reason}"))?;
        }
        context.output.line(&format!("{changed} changed, {not} left as they are"))?;
        if changed > 0 {
            // With --limit the selector also selects dead letters that the patch has not reached.
            let others = selection.count.saturating_sub(changed as u64);
            context.output.line(&to_send(&ids, changed, others))?;
        }
    }
    Ok(match (not, changed) {
        (0, _) => Exit::Done,
        (_, 0) => Exit::Failed,
        _ => Exit::Partly,
    })
}

/// The command that sends the changed events: by their ids if these are few, because the selector also selects the others.
fn to_send(ids: &[i64], changed: usize, others: u64) -> String {
    if others > 0 && changed <= ids.len() {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        return format!("to send them: dead-letters replay {}", ids.join(" "));
    }
    match others {
        0 => "`dead-letters replay` with the same selector sends them".to_owned(),
        _ => format!(
            "`dead-letters replay` with the same selector sends them, and also the {others} without the change"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_about_a_replay_says_what_else_it_sends() {
        assert_eq!(to_send(&[7, 9], 2, 1), "to send them: dead-letters replay 7 9");
        assert!(to_send(&[7, 9], 2, 0).ends_with("with the same selector sends them"));
        let many: Vec<i64> = (0..20).collect();
        assert!(to_send(&many, 21, 5).ends_with("and also the 5 without the change"));
    }
}
