//! `audit`: what was done to affiliates beside ordinary edits, by ids.

use clap::Args;
use connections::ConnectionName;
use jiff::Timestamp;
use serde::Serialize;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::operator::Directory;
use crate::output::{Output, age, cut};

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
    let lines = engines.monitoring.audit(only, arguments.limit).await?;
    let total = engines.monitoring.count_audit(only).await?;
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
    } else {
        show(&rows, engines.now(), &mut context.output)?;
        context.output.total(rows.len(), total, "lines")?;
    }
    Ok(Exit::Done)
}

/// The lines as a table.
fn show(rows: &[Row], now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    let cells = |row: &Row| {
        let Row { at, connection, actor, action, subject } = row;
        vec![age(*at, now), connection.clone(), action.clone(), subject.clone(), actor.clone()]
    };
    let head = [cut("AGE"), cut("CONNECTION"), cut("WHAT"), cut("SUBJECT"), cut("BY")];
    output.table(&head, &rows.iter().map(cells).collect::<Vec<_>>())?;
    output.line("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::snapshots::{at, fits, shown};

    #[test]
    fn an_audit_fits_a_terminal_of_80_and_of_120_columns() {
        let row = |seconds, action: &str, actor: &str| Row {
            at: at(seconds),
            connection: "shop-in-another-country".to_owned(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: "affiliate 37569297".to_owned(),
        };
        let rows = [row(-90, "address_changed", "worker"), row(-9_000, "payout_confirmed", "operator")];
        for width in [80, 120] {
            let text = shown(width, |output| show(&rows, at(0), output));
            assert!(fits(&text, width), "{text}");
            insta::assert_snapshot!(format!("audit_at_{width}"), text);
        }
    }
}
