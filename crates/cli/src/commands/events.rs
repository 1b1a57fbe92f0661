//! `events find`: the results of a person's events, with the reasons, or the reasons why they wait.

use clap::{Args, Subcommand};
use connections::ConnectionName;
use jiff::Timestamp;

use service::Context;
use service::failure::{Exit, Failure};
use service::operator::events::{EventRow, find};
use service::operator::{Directory, Subject};
use service::output::{Output, age, cut, spare, whole};

/// Events that are counted beyond those that are shown.
const COUNTED: usize = 10_000;

/// Events that are shown unless `--limit` says otherwise.
const SHOWN: usize = 100;

const EXAMPLES: &str = "\
Examples:
  refersion-destination events find ann@example.org
  refersion-destination events find user-4711 --connection shop
  refersion-destination events find test-message-txsmji --json
  refersion-destination events find ann@example.org --limit 5 --json

It finds events by message id, email address, userId or anonymousId, newest first, also events that still wait in the
queue. With --json: an array, which is empty if no event is found.";

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
    let found = find(&engines, &directory, &subject, limit, COUNTED).await?;
    if !found.complete {
        tracing::warn!(
            "only a part of the queue was searched: an event that is not absorbed yet may be missing"
        );
    }
    if context.output.is_json() {
        context.output.json(&found.events)?;
    } else if found.events.is_empty() {
        context.output.line("no event found")?;
    } else {
        show(&found.events, engines.now(), &mut context.output)?;
        let total = u64::try_from(found.total).unwrap_or(u64::MAX);
        context.output.total(found.events.len(), total, "events")?;
    }
    Ok(Exit::Done)
}

pub(super) fn show(events: &[EventRow], now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    let cells = |row: &EventRow| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            age(row.received_at, now),
            row.kind.clone(),
            row.connection.clone(),
            row.state.to_owned(),
            text(&row.reason),
            row.affiliate_id.map(|id| id.to_string()).unwrap_or_default(),
            text(&row.message_id),
            row.event_id.to_string(),
        ]
    };
    let head = [
        cut("AGE"),
        spare("TYPE"),
        cut("CONNECTION"),
        whole("STATE"),
        spare("REASON"),
        spare("AFFILIATE"),
        spare("MESSAGE"),
        whole("EVENT"),
    ];
    output.table(&head, &events.iter().map(cells).collect::<Vec<_>>())?;
    for event in events {
        waits(event, output)?;
        died(event, output)?;
        attempts(event, now, output)?;
    }
    output.line("")
}

/// The reasons why an event waits, for which no column has room.
fn waits(event: &EventRow, output: &mut Output) -> Result<(), Failure> {
    let Some(waiting_for) = &event.waiting_for else { return Ok(()) };
    output.line(&format!("\nevent {} waits: {waiting_for}", event.event_id))
}

/// The cause of an event's death, and the command for the next step.
fn died(event: &EventRow, output: &mut Output) -> Result<(), Failure> {
    let (Some(id), Some(cause)) = (event.dead_letter_id, &event.cause) else { return Ok(()) };
    output.line(&format!("\nevent {} has the dead letter {id}: {cause}", event.event_id))
}

fn attempts(event: &EventRow, now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    if event.attempts.is_empty() {
        return Ok(());
    }
    output.line(&format!("\nfailed calls of {}", event.event_id))?;
    show_attempts(&event.attempts, now, output)
}

/// Failed calls as a table.
pub(super) fn show_attempts(
    attempts: &[ledger::AttemptView],
    now: Timestamp,
    output: &mut Output,
) -> Result<(), Failure> {
    let cells = |attempt: &ledger::AttemptView| {
        let status = attempt.http_status.map(|status| status.to_string()).unwrap_or_default();
        let (class, message) = (attempt.class.clone(), attempt.message.clone());
        vec![age(attempt.at, now), attempt.operation.clone(), status, class, message]
    };
    let rows: Vec<_> = attempts.iter().map(cells).collect();
    output.table(&["AGE", "CALL", "STATUS", "CLASS", "MESSAGE"], &rows)?;
    // The repetitions of a call usually send the same request.
    let mut requests: Vec<&String> = attempts.iter().filter_map(|attempt| attempt.request.as_ref()).collect();
    requests.dedup();
    requests.into_iter().try_for_each(|request| output.line(&format!("request: {request}")))
}
