//! `audiences`: the audiences of the connections, and their delivery.

mod import;
mod show;
#[cfg(test)]
mod snapshots;

use clap::{Args, Subcommand};
use connections::{Connection, ConnectionName};
use ledger::AudienceCounts;

use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::{Directory, audiences};

const EXAMPLES: &str = "\
Examples:
  refersion-destination audiences list
  refersion-destination audiences list --connection shop --json
  refersion-destination audiences show first_time_shopper
  refersion-destination audiences export first_time_shopper --for-import members.csv

An audience is named by Engage in `context.personas`. Without that, it is the only trait of an identify, if the trait is
a boolean. Persons are counted, not events. docs/audiences.md explains each number.";

const LIST_EXAMPLES: &str = "\
Examples:
  refersion-destination audiences list
  refersion-destination audiences list --connection shop
  refersion-destination audiences list --json

MATCH is the share of members that are affiliates, unknown (-) while the audience has no field; HELD is the number of
members whose membership Refersion has.";

const SHOW_EXAMPLES: &str = "\
Examples:
  refersion-destination audiences show first_time_shopper
  refersion-destination audiences show first_time_shopper --connection shop
  refersion-destination audiences show first_time_shopper --json

The remaining time covers the events that have arrived. Members that Segment has not sent yet are not included.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  refersion-destination audiences export first_time_shopper --for-import members.csv
  refersion-destination audiences export first_time_shopper --for-import members.csv --offer 12345
  refersion-destination audiences export first_time_shopper --for-import - --connection shop > members.csv

The file lists the members who are not affiliates yet and have all data that an affiliate needs, each with a random
password. It contains personal data: only you can read it, and the export is recorded in the audit. Pause the connection
a few seconds before the export: an active worker creates the same people.";

/// The arguments of `audiences`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List audiences with their members and their delivery
    #[command(after_help = LIST_EXAMPLES)]
    List {
        /// Only of this connection
        #[arg(long, value_name = "NAME")]
        connection: Option<ConnectionName>,
    },
    /// Show one audience: its numbers, its progress, and the causes of rejections
    #[command(after_help = SHOW_EXAMPLES)]
    Show(One),
    /// Export the members that are not affiliates yet
    #[command(after_help = EXPORT_EXAMPLES)]
    Export {
        #[command(flatten)]
        one: One,
        /// The CSV file that Refersion's staff import: a new file, or - for standard output
        #[arg(long, value_name = "FILE", required = true)]
        for_import: String,
        /// The number of the offer; that of the connection's settings if left out
        #[arg(long, value_name = "ID", value_parser = offer)]
        offer: Option<String>,
    },
}

/// The number of an offer, as the import takes it.
fn offer(text: &str) -> Result<String, &'static str> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("an offer is a number: give digits alone, as Refersion's dashboard shows them"),
    }
}

/// One audience.
#[derive(Debug, Args)]
struct One {
    /// The audience's key, as Segment sends it
    #[arg(value_name = "NAME")]
    name: String,
    /// The connection, where several have such an audience
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionName>,
}

/// Carries out `audiences`.
///
/// # Errors
///
/// [`Failure`] if there is no such connection or audience, or the ledger cannot be read.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    match arguments.act {
        Act::List { connection } => list(connection.as_ref(), &engines, context).await,
        Act::Show(one) => show_one(&one, &engines, context).await,
        Act::Export { one, for_import, offer } => {
            let order = import::Order { one: &one, to: &for_import, offer: offer.as_deref() };
            import::run(&order, &engines, context).await
        }
    }
}

async fn list(
    only: Option<&ConnectionName>,
    engines: &Engines,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let directory = Directory::read(engines, only).await?;
    let list = audiences::list(engines, &context.loaded.config, &directory).await?;
    match context.output.is_json() {
        true => context.output.json(&list)?,
        false => show::list(&list, engines.now(), &mut context.output)?,
    }
    Ok(Exit::Done)
}

async fn show_one(one: &One, engines: &Engines, context: &mut Context) -> Result<Exit, Failure> {
    let (connection, counts) = find(one, engines).await?;
    let row = audiences::one(engines, &context.loaded.config, (&connection, counts), true).await?;
    match context.output.is_json() {
        true => context.output.json(&row)?,
        false => show::one(&row, engines.now(), &mut context.output)?,
    }
    Ok(Exit::Done)
}

/// The audience that the arguments name.
async fn find(one: &One, engines: &Engines) -> Result<(Connection, AudienceCounts), Failure> {
    let directory = Directory::read(engines, one.connection.as_ref()).await?;
    audiences::find(engines, &directory, &one.name).await
}
