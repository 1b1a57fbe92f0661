//! `migrate`: brings the schemas of queue and ledger up to date, which every start does as well.

use clap::Args;

use service::Context;
use service::engines::{Engines, queue_engine};
use service::failure::{Exit, Failure};

/// The examples in the help.
const EXAMPLES: &str = "\
Examples:
  refersion-destination migrate
  refersion-destination migrate --config production.toml
  refersion-destination migrate --json
  refersion-destination migrate --create-missing

A start does the same; run this to do it in advance. It is safe while other processes run. A schema of a newer version
that this version must not use is refused. On RabbitMQ it declares the exchange and the queues.

If only one of the files of queue and ledger exists, the other one is not created, because it may have been lost.
--create-missing creates it empty: the events of the lost queue are gone, or the connections and affiliates of the
lost ledger.";

/// The arguments of `migrate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Create an empty file for a file that is missing
    #[arg(long)]
    create_missing: bool,
}

/// Opens both engines, which brings them up to date, and declares missing queues on a broker.
///
/// # Errors
///
/// [`Failure`] if one does not open.
pub async fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = match arguments.create_missing {
        true => Engines::open_or_create(&context.loaded.config).await?,
        false => context.engines_or_new().await?,
    };
    // A broker that is away counts as open, but `migrate` has to report it.
    queue_engine::probe(&context.loaded.config.queue, &engines.clock, true).await?;
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "queue": "current", "ledger": "current" }))?;
    } else {
        context.output.line("the schemas of queue and ledger are current")?;
    }
    Ok(Exit::Done)
}
