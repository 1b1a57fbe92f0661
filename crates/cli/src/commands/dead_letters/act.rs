//! `dead-letters replay`, `discard` and `restore`, and the result for each dead letter.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use ledger::PlanId;
use serde::Serialize;

use super::selection::Asked;
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::audit;
use service::operator::dead_letters::{MAX_REASON_CHARS, Row, Selection, Verb, act, carry_out};
use service::output::{cut, spare, whole};

/// Rows that people are shown of a selection; `--json` has all.
const SHOWN: usize = 20;

/// The reason why nothing was done about an id that was asked for.
const MISSING: &str = "there is no such dead letter";

/// Why an operator acts.
#[derive(Debug, Default, Args)]
pub(super) struct Reason {
    /// The reason; it is kept with the dead letters and in the audit, so no personal data
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Reason {
    /// The reason that was given, cut to its limit.
    pub(super) fn text(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| reason.chars().take(MAX_REASON_CHARS).collect())
    }
}

/// Acts, and shows the result for each.
pub(super) async fn run(
    engines: &Engines,
    asked: &Asked,
    (verb, reason): (Verb, &Reason),
    context: &mut Context,
) -> Result<Exit, Failure> {
    let selection = &asked.selection;
    // Nothing is to be done, so nothing is recorded as done.
    if selection.is_by_id && selection.count == 0 {
        return Err(no_such(selection.filter.ids.as_deref().unwrap_or_default()));
    }
    let act = act(engines, &audit::cli(), selection, reason.reason.as_deref());
    let mut done = Done { keeps_all: context.output.is_json() || selection.is_by_id, ..Done::default() };
    let plan = carry_out(engines, selection, verb, &act, &mut |row| done.count(row)).await?;
    add_missing(selection, &mut done)?;
    show(asked, &done, (verb.done(), plan), context)
}

/// The results of all. People are shown few rows of a selection, so no more are kept for them.
#[derive(Default)]
struct Done {
    /// Every row is shown.
    keeps_all: bool,
    rows: Vec<Row>,
    done: usize,
    /// Number of dead letters with which nothing was done, by reason.
    reasons: BTreeMap<&'static str, usize>,
}

impl Done {
    fn count(&mut self, row: Row) {
        match row.reason {
            None => self.done += 1,
            Some(reason) => *self.reasons.entry(reason).or_default() += 1,
        }
        if self.keeps_all || (row.reason.is_some() && self.rows.len() < SHOWN) {
            self.rows.push(row);
        }
    }

    fn not_done(&self) -> usize {
        self.reasons.values().sum()
    }
}

/// An answer to an act by a selector.
#[derive(Serialize)]
struct Answer<'a> {
    selector: String,
    count: u64,
    done: usize,
    not_done: usize,
    dead_letters: &'a [Row],
    /// The plan that records their results.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanId>,
}

/// Adds a row for each id that was asked for and does not exist, in the order of asking, before the others.
///
/// # Errors
///
/// [`Failure`] with the code `no_such_dead_letter` if none of them exists.
fn add_missing(selection: &Selection, done: &mut Done) -> Result<(), Failure> {
    if !selection.is_by_id {
        return Ok(());
    }
    let found: BTreeSet<i64> = done.rows.iter().map(|row| row.id).collect();
    let asked = selection.filter.ids.as_deref().unwrap_or_default();
    let missing: Vec<i64> = asked.iter().copied().filter(|id| !found.contains(id)).collect();
    if found.is_empty() && !missing.is_empty() {
        return Err(no_such(&missing));
    }
    if !missing.is_empty() {
        done.reasons.insert(MISSING, missing.len());
    }
    let row = |id| Row { id, event_id: None, state: "missing", reason: Some(MISSING) };
    done.rows.splice(0..0, missing.into_iter().map(row));
    Ok(())
}

fn no_such(ids: &[i64]) -> Failure {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    let message = format!("there is no dead letter {}", ids.join(", "));
    Failure::refused("no_such_dead_letter", message, "`dead-letters list` shows their ids")
}

/// Shows the result for each, and their number; `word` describes those without a reason. The exit code tells whether all were
/// done.
fn show(
    asked: &Asked,
    all: &Done,
    (word, plan): (&str, Option<PlanId>),
    context: &mut Context,
) -> Result<Exit, Failure> {
    let selection = &asked.selection;
    let (done, not_done) = (all.done, all.not_done());
    let exit = match (not_done, done) {
        (0, _) => Exit::Done,
        (_, 0) => Exit::Failed,
        _ => Exit::Partly,
    };
    let rows = all.rows.as_slice();
    if !context.output.is_json() {
        table(selection, all, context)?;
        context.output.line(&format!("{done} {word}, {not_done} left as they are"))?;
        let beyond = selection.count.saturating_sub((done + not_done) as u64);
        if beyond > 0 && !selection.is_by_id {
            context.output.line(&format!("{beyond} more are selected: --limit leaves them as they are"))?;
        }
        if let Some(plan) = plan {
            context.output.line(&format!("for the results: dead-letters report {plan}"))?;
        }
    } else if asked.is_object {
        let (selector, count) = (selection.selector.to_string(), selection.count);
        context.output.json(&Answer { selector, count, done, not_done, dead_letters: rows, plan })?;
    } else {
        context.output.json(&rows)?;
    }
    Ok(exit)
}

/// Shows every row if ids were given. Of a selection, shows the first ones with which nothing was done, and their number by reason.
fn table(selection: &Selection, all: &Done, context: &mut Context) -> Result<(), Failure> {
    context.output.line(&format!("{}\n", selection.summary()))?;
    let cells = |row: &Row| {
        let reason = row.reason.unwrap_or_default().to_owned();
        let event = row.event_id.map(|event| event.to_string()).unwrap_or_default();
        vec![row.id.to_string(), row.state.to_owned(), event, reason]
    };
    let table: Vec<Vec<String>> = all.rows.iter().map(cells).collect();
    if !table.is_empty() {
        let head = [whole("ID"), whole("STATE"), spare("EVENT"), cut("WHY NOT")];
        context.output.table(&head, &table)?;
        context.output.line("")?;
    }
    if !selection.is_by_id && all.not_done() > table.len() {
        for (reason, number) in &all.reasons {
            context.output.line(&format!("{number} not done: {reason}"))?;
        }
        let line = format!("{} of {} shown; --json has all\n", table.len(), all.not_done());
        context.output.line(&line)?;
    }
    Ok(())
}
