//! `why`: the reasons why a person waits.

use clap::Args;
use connections::ConnectionName;
use jiff::Timestamp;

use service::Context;
use service::failure::{Exit, Failure};
use service::operator::why::{Wait, Why, why};
use service::operator::{Directory, Subject};
use service::output::{Output, age, cut, spare, whole};

const EXAMPLES: &str = "\
Examples:
  refersion-destination why ann@example.org
  refersion-destination why user-4711 --connection shop
  refersion-destination why user-4711 --json

It names calls that are due or failed, pauses, missing data that a create requires, addresses that are missing or held
by somebody else, and dead letters.";

/// The arguments of `why`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    /// The email address, userId or anonymousId
    #[arg(value_name = "EMAIL | USER ID")]
    subject: Subject,
    /// Only in this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionName>,
}

/// Carries out `why`.
///
/// # Errors
///
/// [`Failure`] if there is no such connection, or the queue or the ledger cannot be read.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let directory = Directory::read(&engines, arguments.connection.as_ref()).await?;
    let all = why(&engines, &context.loaded.config, &directory, &arguments.subject).await?;
    if context.output.is_json() {
        context.output.json(&all)?;
    } else if all.is_empty() {
        context.output.line("no data is kept for this email address or id")?;
    } else {
        all.iter().try_for_each(|why| show(why, engines.now(), &mut context.output))?;
    }
    Ok(Exit::Done)
}

/// Shows the obstacles for all persons, then the reasons why this person waits.
pub(super) fn show(why: &Why, now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    output.line(&format!("connection {}: {}", why.connection, why.state))?;
    why.held_up.iter().try_for_each(|line| output.line(line))?;
    if !why.complete {
        output.line("not every event was checked: older events and dead letters that wait are not listed")?;
    }
    if why.waits.is_empty() {
        return output.line("nothing waits\n");
    }
    if let Some(rate) = why.rate {
        output.line(&format!("{} persons are due, at {rate:.1} calls a second", why.due))?;
    }
    output.line("")?;
    let cells = |wait: &Wait| {
        vec![
            wait.what.replace('_', " "),
            wait.waits_for.clone(),
            wait.since.map(|since| age(since, now)).unwrap_or_default(),
            wait.due_at.map(|due| due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default(),
            wait.about.clone(),
        ]
    };
    let head = [whole("WHAT"), cut("WAITS FOR"), whole("SINCE"), spare("NOT BEFORE"), cut("WHICH")];
    output.table(&head, &why.waits.iter().map(cells).collect::<Vec<_>>())?;
    output.line("")
}
