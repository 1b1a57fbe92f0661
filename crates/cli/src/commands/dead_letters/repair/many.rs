//! `dead-letters patch`: every dead letter of a selection, page by page.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::act::Reason;
use super::ask::confirm;
use super::{Many, read_patch, show_changes};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::dead_letters::{Pages, Selection, act};
use service::operator::repairs::{Means, Outcome, RepairResult, Repairer, newest, repair_page};
use service::operator::{Directory, audit};

/// Dead letters whose changes are shown before anything is stored.
const SAMPLES: usize = 3;

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
    let repairer = Repairer::new(&directory, &context.loaded.config);
    let means = Means::Patch(&patch);
    if !context.output.is_json() {
        context.output.line(&format!("{}\n", selection.told()))?;
        samples(engines, &repairer, selection, &means, context).await?;
    }
    let question = format!("Patch the events of {} dead letters?", selection.count);
    confirm(&question, many.yes)?;
    let act = act(engines, &audit::cli(), selection, reason.text().as_deref());
    let mut outcomes = Vec::new();
    let mut pages = Pages::of(selection);
    loop {
        let letters = pages.next(engines).await?;
        if letters.is_empty() {
            break;
        }
        outcomes.extend(repair_page(engines, &repairer, &letters, (&means, &act)).await?);
    }
    finish(selection, outcomes, context)
}

/// Shows what the patch does to the newest few.
async fn samples(
    engines: &Engines,
    repairer: &Repairer,
    selection: &Selection,
    means: &Means<'_>,
    context: &mut Context,
) -> Result<(), Failure> {
    let mut pages = Pages::of(selection);
    let letters = pages.next(engines).await?;
    let letters = &letters[..letters.len().min(SAMPLES)];
    let versions = newest(engines, letters).await?;
    for letter in letters {
        let Some(version) = versions.get(&letter.id) else { continue };
        context.output.line(&format!("dead letter {}:", letter.id))?;
        match repairer.propose(letter, version, means) {
            Ok(proposal) => show_changes(&proposal.repaired.changes, &mut context.output)?,
            Err(why) => context.output.line(&format!("not changed: {why}"))?,
        }
        context.output.line("")?;
    }
    Ok(())
}

fn finish(selection: &Selection, outcomes: Vec<Outcome>, context: &mut Context) -> Result<Exit, Failure> {
    let mut results: BTreeMap<RepairResult, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in &outcomes {
        *results.entry(outcome.result).or_default() += 1;
        if let Some(reason) = &outcome.reason {
            *reasons.entry(reason.clone()).or_default() += 1;
        }
    }
    let changed = results.get(&RepairResult::Changed).copied().unwrap_or(0);
    let not = outcomes.len() - changed;
    if context.output.is_json() {
        let selector = selection.selector.to_string();
        context.output.json(&Answer { selector, count: selection.count, results, dead_letters: outcomes })?;
    } else {
        for (reason, number) in reasons {
            context.output.line(&format!("{number} not: {reason}"))?;
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
