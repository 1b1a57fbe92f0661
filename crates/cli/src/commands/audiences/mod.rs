//! `audiences`: which audiences the connections have, and how far they are delivered.

mod import;
mod row;
mod show;
#[cfg(test)]
mod snapshots;

use clap::{Args, Subcommand};
use connections::{Connection, ConnectionName};
use ledger::{AudienceCounts, MAX_DRIFT};

use row::{List, Row, drift_fields, rate_of};
use service::Context;
use service::config::Segment;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;
use service::operator::workers::Workers;
use service::segment_api::{Asked, SegmentApi};

const EXAMPLES: &str = "\
Examples:
  refersion-destination audiences list
  refersion-destination audiences list --connection shop --json
  refersion-destination audiences show first_time_shopper
  refersion-destination audiences export first_time_shopper --for-import members.csv

An audience is what Engage names in `context.personas`, or else the one trait of an identify that states a single
boolean. Persons are counted, not events. docs/audiences.md says what each number is.";

const LIST_EXAMPLES: &str = "\
Examples:
  refersion-destination audiences list
  refersion-destination audiences list --connection shop
  refersion-destination audiences list --json

MATCH is the share of members that are affiliates; HELD is the number of members whose membership Refersion has.";

const SHOW_EXAMPLES: &str = "\
Examples:
  refersion-destination audiences show first_time_shopper
  refersion-destination audiences show first_time_shopper --connection shop
  refersion-destination audiences show first_time_shopper --json

The time to go covers what has arrived: members that Segment has yet to send are not in it.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  refersion-destination audiences export first_time_shopper --for-import members.csv
  refersion-destination audiences export first_time_shopper --for-import members.csv --offer 12345
  refersion-destination audiences export first_time_shopper --for-import - --connection shop > members.csv

The file has the members who have all that an affiliate needs and are none yet, each with a password of its own. It
holds personal data: only you can read it, and the audit says that it was made.";

/// The arguments of `audiences`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List audiences with their members and how many are delivered
    #[command(after_help = LIST_EXAMPLES)]
    List {
        /// Only of this connection
        #[arg(long, value_name = "NAME")]
        connection: Option<ConnectionName>,
    },
    /// Show one audience: its numbers, its progress, why members are rejected
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
        #[arg(long, value_name = "ID")]
        offer: Option<String>,
    },
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

/// Carries one of them out.
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
    let rates = Workers::read(engines, &context.loaded.config).await?.rates();
    let mut list = List::default();
    for connection in directory.all() {
        let counts = engines.ledger.audience_counts(Some(connection.id)).await?;
        let counting = engines.ledger.counting(connection.id).await?;
        let rate = rate_of(connection, rates.get(&connection.id).copied());
        list.add(connection, counting, counts, rate);
    }
    match context.output.is_json() {
        true => context.output.json(&list)?,
        false => show::list(&list, engines.now(), &mut context.output)?,
    }
    Ok(Exit::Done)
}

async fn show_one(one: &One, engines: &Engines, context: &mut Context) -> Result<Exit, Failure> {
    let (connection, counts) = find(one, engines).await?;
    let rates = Workers::read(engines, &context.loaded.config).await?.rates();
    let counting = engines.ledger.counting(connection.id).await?;
    let rejections = engines.ledger.rejections(connection.id).await?;
    let name = counts.audience.named.name.clone();
    let rate = rate_of(&connection, rates.get(&connection.id).copied());
    let ids = counts.audience.named.space.clone().zip(counts.audience.named.segment_id.clone());
    let fields = drift_fields(&connection, &counts.audience.named.key);
    let mut row = Row::of(&connection, counting, counts, rate);
    if let Some((space, id)) = ids
        && let Some(asked) = believed(engines, &context.loaded.config.segment, &space, &id).await
    {
        row.believe(asked);
    }
    let last = engines.ledger.directory(connection.id).await?.finished.and_then(|finished| finished.verified);
    row.verify(&fields, last, &engines.ledger.drift(connection.id, MAX_DRIFT).await?);
    row.reject(rejections.into_iter().filter(|it| it.name == name));
    match context.output.is_json() {
        true => context.output.json(&row)?,
        false => show::one(&row, engines.now(), &mut context.output)?,
    }
    Ok(Exit::Done)
}

/// What Segment believes; `None` without a token.
async fn believed(engines: &Engines, settings: &Segment, space: &str, id: &str) -> Option<Asked> {
    match SegmentApi::of(settings) {
        Ok(api) => Some(api?.audience_of(engines, space, id).await),
        Err(error) => Some(Asked { believed: Err(error), at: engines.now() }),
    }
}

/// The audience of this name, in whatever spelling.
async fn find(one: &One, engines: &Engines) -> Result<(Connection, AudienceCounts), Failure> {
    let directory = Directory::read(engines, one.connection.as_ref()).await?;
    let key = segment::fold_key(&one.name);
    let mut found = Vec::new();
    for connection in directory.all() {
        let counts = engines.ledger.audience_counts(Some(connection.id)).await?;
        found.extend(
            counts.into_iter().find(|it| it.audience.named.key == key).map(|it| (connection.clone(), it)),
        );
    }
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(|(connection, _)| connection.name.to_string()).collect();
        let message = format!("several connections have such an audience: {}", names.join(", "));
        return Err(Failure::refused("ambiguous_audience", message, "name one with --connection"));
    }
    found.pop().ok_or_else(|| {
        let message = format!("no event of an audience `{}` has arrived", one.name);
        Failure::refused("no_such_audience", message, "`audiences list` shows those that are known")
    })
}
