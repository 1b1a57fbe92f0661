//! `bench`: how fast all of it is, beside a plain worker in the same run.
//!
//! The order of reading: `sync` (the story of the benchmark), `ground` (what it stands on), `crew` (the processes),
//! `members` and `send` (what is sent), `rest` (when it is over), `plain` (the baseline), `report`. `ingest` and `pace`
//! stand by themselves.

mod crew;
mod ground;
mod ingest;
mod members;
mod pace;
mod plain;
mod report;
mod rest;
mod send;
mod sync;

use clap::{Args, Subcommand};

use super::Context;
use crate::failure::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  refersion-destination bench sync                      100,000 members on the engines of the configuration
  refersion-destination bench sync --members 20000 --workers 2 --json
  refersion-destination bench send --members 10000      posts the members to an endpoint that runs already
  refersion-destination bench ingest                    how fast events are taken, one by one and in batches
  refersion-destination bench pace                      how well limits of known shapes are found; makes no call

`bench sync` starts everything that it measures by itself. On SQLite it takes temporary files (TMPDIR says where); a
broker and a database must be empty, and are left empty.";

/// The arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Measure audience syncs of known affiliates, with every role a process of its own
    #[command(after_help = sync::EXAMPLES)]
    Sync(sync::Options),
    /// Post an audience sync to an ingest endpoint, as Segment does
    #[command(after_help = send::EXAMPLES)]
    Send(send::Options),
    /// Measure how fast events are accepted, one by one and in batches
    #[command(after_help = ingest::EXAMPLES)]
    Ingest(ingest::Options),
    /// Show how much of limits of known shapes the pace of calls uses
    #[command(after_help = pace::EXAMPLES)]
    Pace(pace::Options),
    /// Run the plain worker, as `bench sync` starts it
    #[command(hide = true)]
    PlainWorker(plain::Options),
}

/// Carries out `bench`.
///
/// # Errors
///
/// [`Failure`] by what went wrong.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match arguments.act {
        Act::Sync(options) => sync::run(&options, context).await,
        Act::Send(options) => send::run(&options, context).await,
        Act::Ingest(options) => ingest::run(&options, context).await,
        Act::Pace(options) => pace::run(&options, context),
        Act::PlainWorker(options) => plain::run(&options, context).await,
    }
}

/// Why a benchmark did not come to its end.
fn failed(error: &anyhow::Error) -> Failure {
    Failure::failed("bench", error.as_ref(), "run it again with REFERSION_DESTINATION__LOG__LEVEL=info")
}
