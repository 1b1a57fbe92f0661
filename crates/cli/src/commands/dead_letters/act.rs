//! `dead-letters replay`, `discard` and `restore`: what became of each.

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

/// Why an operator acts.
#[derive(Debug, Default, Args)]
pub(super) struct Reason {
    /// Why; it is kept with the dead letters and in the audit, so no personal data
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Reason {
    /// What was given, cut to its limit.
    pub(super) fn text(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| reason.chars().take(MAX_REASON_CHARS).collect())
    }
}

/// Acts, and shows what became of each.
pub(super) async fn run(
    engines: &Engines,
    asked: &Asked,
    (verb, reason): (Verb, &Reason),
    context: &mut Context,
) -> Result<Exit, Failure> {
    let selection = &asked.selection;
    let act = act(engines, &audit::cli(), selection, reason.reason.as_deref());
    let (mut rows, plan) = carry_out(engines, selection, verb, &act).await?;
    add_missing(selection, &mut rows)?;
    show(asked, &rows, (verb.done(), plan), context)
}

/// An answer to an act by a selector.
#[derive(Serialize)]
struct Answer<'a> {
    selector: String,
    count: u64,
    done: usize,
    not_done: usize,
    dead_letters: &'a [Row],
    /// The plan that notes what becomes of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanId>,
}

/// Adds a row for each id that was asked for and is not there, in the order of asking, before the others.
///
/// # Errors
///
/// [`Failure`] with the code `no_such_dead_letter` if none of them is.
fn add_missing(selection: &Selection, rows: &mut Vec<Row>) -> Result<(), Failure> {
    if !selection.is_by_id {
        return Ok(());
    }
    let found: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
    let asked = selection.filter.ids.as_deref().unwrap_or_default();
    let missing: Vec<i64> = asked.iter().copied().filter(|id| !found.contains(id)).collect();
    if found.is_empty() && !missing.is_empty() {
        let ids: Vec<String> = missing.iter().map(i64::to_string).collect();
        let message = format!("there is no dead letter {}", ids.join(", "));
        return Err(Failure::refused("no_such_dead_letter", message, "`dead-letters list` shows their ids"));
    }
    let row = |id| Row { id, event_id: None, state: "missing", reason: Some("there is no such dead letter") };
    rows.splice(0..0, missing.into_iter().map(row));
    Ok(())
}

/// Shows what became of each, and how many there were; `done` is the word for the others than those with a reason. The exit
/// code says the same.
fn show(
    asked: &Asked,
    rows: &[Row],
    (done, plan): (&str, Option<PlanId>),
    context: &mut Context,
) -> Result<Exit, Failure> {
    let selection = &asked.selection;
    let not = rows.iter().filter(|row| row.reason.is_some()).count();
    let exit = match (not, rows.len() - not) {
        (0, _) => Exit::Done,
        (_, 0) => Exit::Failed,
        _ => Exit::Partly,
    };
    if !context.output.is_json() {
        table(selection, rows, context)?;
        context.output.line(&format!("{} {done}, {not} left as they are", rows.len() - not))?;
        if let Some(plan) = plan {
            context.output.line(&format!("what becomes of them: dead-letters report {plan}"))?;
        }
    } else if asked.is_object {
        let selector = selection.selector.to_string();
        let answer = Answer {
            selector,
            count: selection.count,
            done: rows.len() - not,
            not_done: not,
            dead_letters: rows,
            plan,
        };
        context.output.json(&answer)?;
    } else {
        context.output.json(&rows)?;
    }
    Ok(exit)
}

/// Of ids every row; of a selection the first of those with which nothing was done, and how many these are by reason.
fn table(selection: &Selection, rows: &[Row], context: &mut Context) -> Result<(), Failure> {
    context.output.line(&format!("{}\n", selection.told()))?;
    let shown: Vec<&Row> = match selection.is_by_id {
        true => rows.iter().collect(),
        false => rows.iter().filter(|row| row.reason.is_some()).collect(),
    };
    let cells = |row: &&Row| {
        let reason = row.reason.unwrap_or_default().to_owned();
        let event = row.event_id.map(|event| event.to_string()).unwrap_or_default();
        vec![row.id.to_string(), row.state.to_owned(), event, reason]
    };
    let most = if selection.is_by_id { usize::MAX } else { SHOWN };
    let table: Vec<Vec<String>> = shown.iter().take(most).map(cells).collect();
    if !table.is_empty() {
        let head = [whole("ID"), whole("STATE"), spare("EVENT"), cut("WHY NOT")];
        context.output.table(&head, &table)?;
        context.output.line("")?;
    }
    if shown.len() > table.len() {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        shown.iter().filter_map(|row| row.reason).for_each(|reason| *reasons.entry(reason).or_default() += 1);
        for (reason, number) in reasons {
            context.output.line(&format!("{number} not: {reason}"))?;
        }
        let line = format!("{} of {} shown; --json has all\n", table.len(), shown.len());
        context.output.line(&line)?;
    }
    Ok(())
}
