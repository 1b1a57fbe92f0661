//! `audit`: what was done to affiliates beside ordinary edits, by ids.

use clap::Args;
use connections::ConnectionName;
use jiff::Timestamp;
use serde::Serialize;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::operator::Directory;
use crate::output::{age, cut, whole};

const EXAMPLES: &str = "\
Examples:
  refersion-destination audit
  refersion-destination audit --connection shop --limit 20
  refersion-destination audit --json

Addresses that changed hands, statuses that changed, affiliates that were found, gone or scrubbed, newest first.
It holds ids alone; `profiles show` tells whose they are.";

/// The arguments of `audit`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionName>,
    /// The newest N only
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

/// A line. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
struct Row {
    at: Timestamp,
    connection: String,
    actor: String,
    action: String,
    subject: String,
}

/// Shows the newest lines.
///
/// # Errors
///
/// [`Failure`] if there is no such connection, or the ledger cannot be read.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let directory = Directory::read(&engines, arguments.connection.as_ref()).await?;
    let only = arguments.connection.as_ref().and_then(|_| directory.all().next()).map(|found| found.id);
    // One more than is shown tells whether there are more.
    let mut lines = engines.monitoring.audit(only, arguments.limit.saturating_add(1)).await?;
    let is_more = lines.len() > arguments.limit;
    lines.truncate(arguments.limit);
    let row = |(connection, line): (i64, ledger::Audit)| Row {
        at: line.at,
        connection: directory.name(connection),
        actor: line.actor,
        action: line.action,
        subject: line.subject,
    };
    let rows: Vec<Row> = lines.into_iter().map(row).collect();
    if context.output.is_json() {
        context.output.json(&rows)?;
        return Ok(Exit::Done);
    }
    let now = engines.now();
    let cells = |row: &Row| {
        let Row { at, connection, actor, action, subject } = row;
        vec![age(*at, now), connection.clone(), action.clone(), subject.clone(), actor.clone()]
    };
    let head = [cut("AGE"), cut("CONNECTION"), cut("WHAT"), whole("SUBJECT"), cut("BY")];
    context.output.table(&head, &rows.iter().map(cells).collect::<Vec<_>>())?;
    let more = if is_more { ", and there are more; --limit shows them" } else { "" };
    let what = if rows.len() == 1 { "line" } else { "lines" };
    context.output.line(&format!("\n{} {what}{more}", rows.len()))?;
    Ok(Exit::Done)
}
