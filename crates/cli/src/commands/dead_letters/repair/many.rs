//! `dead-letters patch`: every dead letter of a selection, page by page.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::act::Reason;
use super::ask::confirm;
use super::differences::show as show_changes;
use super::{Many, read_patch};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::dead_letters::{Selection, act};
use service::operator::repairs::{Outcome, Preview, RepairResult, Repairer, Samples, preview, repair_all};
use service::operator::{Directory, audit};

/// What became of all of them.
#[derive(Serialize)]
struct Answer {
    selector: String,
    count: u64,
    /// How many ended in each way.
    results: BTreeMap<RepairResult, usize>,
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

/// What became of all of them, counted; each by itself is kept for scripts alone.
#[derive(Default)]
struct Done {
    results: BTreeMap<RepairResult, usize>,
    reasons: BTreeMap<String, usize>,
    outcomes: Vec<Outcome>,
}

impl Done {
    fn count(&mut self, outcome: Outcome, is_kept: bool) {
        *self.results.entry(outcome.result).or_default() += 1;
        if is_kept {
            self.outcomes.push(outcome);
        } else if let Some(reason) = outcome.reason {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }
}

/// Shows what a patch does, or did, to a few.
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

/// Says what a patch would do to all.
pub(in super::super) fn would(preview: &Preview, context: &mut Context) -> Result<(), Failure> {
    for (reason, number) in &preview.reasons {
        context.output.line(&format!("{number} would not be changed: {reason}"))?;
    }
    let changed = preview.results.get(&RepairResult::Changed).copied().unwrap_or(0);
    context.output.line(&format!("{changed} would be changed"))
}

fn finish(selection: &Selection, done: Done, context: &mut Context) -> Result<Exit, Failure> {
    let Done { results, reasons, outcomes } = done;
    let changed = results.get(&RepairResult::Changed).copied().unwrap_or(0);
    let not = results.values().sum::<usize>() - changed;
    if context.output.is_json() {
        let selector = selection.selector.to_string();
        context.output.json(&Answer { selector, count: selection.count, results, dead_letters: outcomes })?;
    } else {
        for (reason, number) in reasons {
            context.output.line(&format!("{number} not done: {reason}"))?;
        }
        context.output.line(&format!("{changed} changed, {not} left as they are"))?;
        if changed > 0 {
            context.output.line("`dead-letters replay` with the same selector sends them")?;
        }
    }
    Ok(match (not, changed) {
        (0, _) => Exit::Done,
        (_, 0) => Exit::Failed,
        _ => Exit::Partly,
    })
}
