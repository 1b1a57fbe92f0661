//! `forget`: does what a Segment delete does, in case Segment sends none.

mod deletion;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::Args;
use connections::ConnectionName;
use ledger::AuditEntry;
use tokio::time::Instant;

use service::Context;
use service::arrivals::report_own;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::{Directory, Subject, audit};

use self::deletion::{Names, Row, deletion};

/// How often `--wait` looks.
const LOOK: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  refersion-destination forget ann@example.org
  refersion-destination forget user-4711 --connection shop
  refersion-destination forget ann@example.org --wait --json
  refersion-destination forget ann@example.org --wait --timeout 300

It puts a delete into the queue for every connection (or for one). A worker applies it: the stored data of the person
is erased, and their affiliate is disabled. `events find MESSAGE` shows its progress. The command asks first if no
connection knows the person; --yes answers for scripts.";

/// The arguments of `forget`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The email address or userId
    #[arg(value_name = "EMAIL | USER ID")]
    subject: Subject,
    /// Only in this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionName>,
    /// Delete a person that no connection knows, without asking
    #[arg(long)]
    yes: bool,
    /// Wait until it is done
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "wait")]
    timeout: u64,
}

/// Puts deletes into the queue.
///
/// # Errors
///
/// [`Failure`] if there is no such connection, or the queue cannot be written.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let directory = Directory::read(&engines, arguments.connection.as_ref()).await?;
    let known = Names::of(&engines, &directory, &arguments.subject).await?;
    if !known.any() && !arguments.yes && directory.all().next().is_some() {
        confirm(&arguments.subject)?;
    }
    let mut rows = Vec::new();
    let mut envelopes = Vec::new();
    for connection in directory.all() {
        let (row, envelope) = deletion(&engines, connection, &arguments.subject, &known)?;
        rows.push(row);
        envelopes.push(envelope);
    }
    if rows.is_empty() {
        return Err(Failure::refused(
            "no_such_connection",
            "there is no connection",
            "there is nothing to forget",
        ));
    }
    let entries = envelopes.iter().map(|envelope| AuditEntry {
        connection: Some(envelope.connection),
        ..AuditEntry::new(
            engines.now(),
            &audit::cli(),
            "person_forgotten",
            format!("event {}", envelope.event_id),
        )
    });
    // Recorded before it is done: a delete that is missing in the audit would be worse than a line about one that failed.
    engines.operators.note(&entries.collect::<Vec<_>>()).await?;
    engines.queue.publish(&envelopes).await?;
    report_own(&engines).await;
    if arguments.wait {
        wait(&engines, &mut rows, Duration::from_secs(arguments.timeout)).await?;
    }
    show(&rows, context)?;
    Ok(exit(&rows, arguments.wait))
}

/// Asks before it deletes a person that no connection knows: a mistyped identifier would delete nothing, and look done.
fn confirm(subject: &Subject) -> Result<(), Failure> {
    let message = format!("no connection knows {}", subject.text());
    if !std::io::stdin().is_terminal() {
        let hint = "check the spelling; --yes deletes anyway, so that copies of old events that arrive later are not applied";
        return Err(Failure::usage("unknown_person", message, hint));
    }
    // Standard output is for results. A caller that cannot read the question does not answer yes.
    drop(write!(std::io::stderr(), "{message}. Delete anyway? Type yes: "));
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer) {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(Failure::usage("not_confirmed", message, "check the spelling, or pass --yes")),
    }
}

async fn wait(engines: &Engines, rows: &mut [Row], at_most: Duration) -> Result<(), Failure> {
    let until = Instant::now() + at_most;
    loop {
        let open: Vec<_> = rows.iter().filter(|row| !ended(row)).map(|row| row.digest).collect();
        if open.is_empty() {
            return Ok(());
        }
        for view in engines.ledger.find_events(&open, open.len()).await? {
            if let Some(row) = rows.iter_mut().find(|row| row.event_id == view.event) {
                row.state = view.state.word();
            }
        }
        if Instant::now() >= until {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn ended(row: &Row) -> bool {
    row.state != ledger::State::Pending.word()
}

/// Without `--wait`, the command has succeeded when the delete is in the queue.
fn exit(rows: &[Row], waited: bool) -> Exit {
    let deleted = rows.iter().filter(|row| row.state == ledger::State::Deleted.word()).count();
    match deleted {
        _ if !waited => Exit::Done,
        all if all == rows.len() => Exit::Done,
        0 => Exit::Failed,
        _ => Exit::Partly,
    }
}

fn show(rows: &[Row], context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(&rows);
    }
    let cells = |row: &Row| {
        vec![row.connection.clone(), row.state.to_owned(), row.event_id.to_string(), row.message_id.clone()]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    context.output.table(&["CONNECTION", "STATE", "EVENT", "MESSAGE"], &rows)
}
