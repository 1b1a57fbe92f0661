//! `events find`: what became of somebody's events, and why, or what they wait for.

use clap::{Args, Subcommand};
use connections::ConnectionName;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::operator::events::{EventRow, find};
use crate::operator::{Directory, Subject};

/// Events that are shown unless `--limit` says otherwise.
const SHOWN: usize = 100;

const EXAMPLES: &str = "\
Examples:
  refersion-destination events find ann@example.org
  refersion-destination events find user-4711 --connection shop
  refersion-destination events find test-message-txsmji --json
  refersion-destination events find ann@example.org --limit 5 --json

Found by message id, email address, userId or anonymousId, newest first; events that still wait in the queue are found
as well. With --json: an array, which is empty where there is nothing.";

/// The arguments of `events`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Find events by message id, email address, userId or anonymousId
    #[command(after_help = EXAMPLES)]
    Find {
        /// The message id, email address, userId or anonymousId
        #[arg(value_name = "MESSAGE ID | EMAIL | USER ID")]
        subject: Subject,
        /// Only of this connection
        #[arg(long, value_name = "NAME")]
        connection: Option<ConnectionName>,
        /// The newest N only
        #[arg(long, value_name = "N", default_value_t = SHOWN)]
        limit: usize,
    },
}

/// Carries out `events`.
///
/// # Errors
///
/// [`Failure`] if there is no such connection, or the queue or the ledger cannot be read.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let Act::Find { subject, connection, limit } = arguments.act;
    let engines = context.engines().await?;
    let directory = Directory::read(&engines, connection.as_ref()).await?;
    let found = find(&engines, &directory, &subject, limit).await?;
    if !found.complete {
        tracing::warn!(
            "the queue holds more than was looked at: an event that is not absorbed yet may be missing"
        );
    }
    if context.output.is_json() {
        context.output.json(&found.events)?;
    } else if found.events.is_empty() {
        context.output.line("no event found")?;
    } else {
        show(&found.events, context)?;
    }
    Ok(Exit::Done)
}

fn show(events: &[EventRow], context: &mut Context) -> Result<(), Failure> {
    let cells = |row: &EventRow| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            row.received_at.to_string(),
            row.kind.clone(),
            row.connection.clone(),
            row.state.to_owned(),
            text(&row.reason),
            row.affiliate_id.map(|id| id.to_string()).unwrap_or_default(),
            text(&row.waiting_for),
            text(&row.message_id),
            row.event_id.to_string(),
        ]
    };
    let head =
        ["RECEIVED", "TYPE", "CONNECTION", "STATE", "REASON", "AFFILIATE", "WAITS FOR", "MESSAGE", "EVENT"];
    context.output.table(&head, &events.iter().map(cells).collect::<Vec<_>>())?;
    for event in events.iter().filter(|event| !event.attempts.is_empty()) {
        context.output.line(&format!("\nfailed calls of {}", event.event_id))?;
        let cells = |attempt: &ledger::AttemptView| {
            let status = attempt.http_status.map(|status| status.to_string()).unwrap_or_default();
            let (class, message) = (attempt.class.clone(), attempt.message.clone());
            vec![attempt.at.to_string(), attempt.operation.clone(), status, class, message]
        };
        let rows: Vec<_> = event.attempts.iter().map(cells).collect();
        context.output.table(&["AT", "CALL", "STATUS", "CLASS", "MESSAGE"], &rows)?;
    }
    Ok(())
}
