//! `missing`: accepted events that never arrived, and the operator's confirmation that they are known.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use ledger::Missing;
use serde::Serialize;
use uuid::Uuid;

use service::Context;
use service::arrivals::Summary;
use service::failure::{Exit, Failure};
use service::operator::audit;
use service::output::{cut, spare, whole};

const EXAMPLES: &str = "\
Examples:
  refersion-destination missing show
  refersion-destination missing confirm
  refersion-destination missing show --json

RabbitMQ confirmed these events, but no worker has received them: a policy (message-ttl, expires, drop-head) or a user
has removed them from the queue. `check` names such policies; docs/rabbitmq.md describes what else to do. An event that
arrives later is no longer missing. Missing events are reported for seven days, or until you confirm them.";

const SHOW_EXAMPLES: &str = "\
Examples:
  refersion-destination missing show
  refersion-destination missing show --config production.toml
  refersion-destination missing show --json

There is a line for each process that published and each queue, with the time in which the events were accepted.";

const CONFIRM_EXAMPLES: &str = "\
Examples:
  refersion-destination missing confirm
  refersion-destination missing confirm --config production.toml
  refersion-destination missing confirm --json

Nothing is done about the events: they are gone. `status`, /readyz and metrics no longer report them.";

/// The arguments of `missing`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show how many events never arrived, and when they were accepted
    #[command(after_help = SHOW_EXAMPLES)]
    Show,
    /// Confirm that you know of the missing events
    #[command(after_help = CONFIRM_EXAMPLES)]
    Confirm,
}

/// The missing events. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
struct Shown {
    /// `null` if nothing is missing.
    missing: Option<Summary>,
    streams: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    stream: Uuid,
    queue: String,
    events: u64,
    since: Timestamp,
    until: Timestamp,
    found_at: Timestamp,
    /// The numbers of the events in their stream, as far as they are kept.
    numbers: String,
}

#[derive(Debug, Serialize)]
struct Confirmed {
    confirmed: u64,
}

/// Shows the missing events, or confirms them.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read or written.
pub async fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    match arguments.act {
        Act::Show => show(&engines.arrivals.missing().await?, context)?,
        Act::Confirm => {
            let confirmed = engines.arrivals.confirm_missing().await?;
            audit::note(&engines, &audit::cli(), "missing_confirmed", format!("{confirmed} events")).await?;
            if context.output.is_json() {
                context.output.json(&Confirmed { confirmed })?;
            } else {
                context
                    .output
                    .line(&format!("confirmed: {confirmed} missing events are no longer reported"))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn show(missing: &[Missing], context: &mut Context) -> Result<(), Failure> {
    let summary = Summary::of(missing);
    if context.output.is_json() {
        return context.output.json(&Shown { missing: summary, streams: missing.iter().map(row).collect() });
    }
    let Some(summary) = summary else { return context.output.line("no event is missing") };
    let cells = |it: &Missing| {
        let (since, until) = (it.since.to_string(), it.until.to_string());
        vec![it.queue.clone(), it.events().to_string(), since, until, it.stream.to_string()]
    };
    let head = [cut("QUEUE"), whole("EVENTS"), whole("SINCE"), whole("UNTIL"), spare("STREAM")];
    context.output.table(&head, &missing.iter().map(cells).collect::<Vec<_>>())?;
    context.output.line(&format!("\n{}", summary.in_words()))
}

fn row(it: &Missing) -> Row {
    Row {
        stream: it.stream,
        queue: it.queue.clone(),
        events: it.events(),
        since: it.since,
        until: it.until,
        found_at: it.found_at,
        numbers: it.numbers.to_string(),
    }
}
