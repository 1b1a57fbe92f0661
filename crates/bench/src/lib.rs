//! `bench`: measures the whole system beside a plain worker in the same run.
//!
//! Read the files in this order: `workloads` (what is measured), `stage` (what they run on), `ground` (the
//! engines), `crew` (the processes), `members`, `send` and `live` (what is sent), `line` (how), `stated` and `rest` (what Refersion has to
//! hold, and when it is over), `usage`, `latency` and `setup` (what is measured), `plain` (the baseline), `report`, `plot` and
//! `svg`. `ingest`, `letters` and `pace` stand by themselves.

#![expect(clippy::disallowed_methods, reason = "a measurement takes real time")]

mod crew;
mod ground;
mod ingest;
mod latency;
mod letters;
mod line;
mod live;
mod members;
mod pace;
mod plain;
mod plot;
mod report;
mod rest;
mod send;
mod setup;
mod stage;
mod stated;
mod svg;
mod usage;
mod workloads;

use clap::{Args, Subcommand};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use service::Context;
use service::failure::{Exit, Failure};
use workloads::{
    create_storm, delta, identifiers, live as live_only, live_during_bulk, outage, replay, strangers, sync,
};

const EXAMPLES: &str = "\
Examples:
  refersion-destination bench sync                      100,000 members on the engines of the configuration
  refersion-destination bench strangers --affiliates 0.02
  refersion-destination bench live                      one identify at a time
  refersion-destination bench send --members 10000      posts the members to an endpoint that runs already
  refersion-destination bench ingest                    how fast events are taken, one by one and in batches
  refersion-destination bench pace                      how well limits of known shapes are found; makes no call

All but `send` and `pace` start everything that they measure by themselves. On SQLite they take temporary files (TMPDIR
says where); a broker and a database must be empty, and are left empty. After every workload but `ingest`, Refersion is
compared with the values stated last; an event that is lost or a value that is wrong makes the command fail.";

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
    /// Measure a sync in which only a part of the members are affiliates
    #[command(after_help = strangers::EXAMPLES)]
    Strangers(strangers::Options),
    /// Measure a sync with two events for each member, and one with one
    #[command(after_help = identifiers::EXAMPLES)]
    TwoIdentifiers(identifiers::Options),
    /// Measure a sync in which few members change
    #[command(after_help = delta::EXAMPLES)]
    Delta(delta::Options),
    /// Measure how soon one identify on an idle system is delivered
    #[command(after_help = live_only::EXAMPLES)]
    Live(live_only::Options),
    /// Measure how soon live identifies are delivered during a sync
    #[command(after_help = live_during_bulk::EXAMPLES)]
    LiveDuringBulk(live_during_bulk::Options),
    /// Measure the first creation of affiliates
    #[command(after_help = create_storm::EXAMPLES)]
    CreateStorm(create_storm::Options),
    /// Measure how soon all is delivered after an outage of Refersion
    #[command(after_help = outage::EXAMPLES)]
    Outage(outage::Options),
    /// Measure the replay of dead letters
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::Options),
    /// Measure what operators do with many dead letters, and the locks of it
    #[command(after_help = letters::EXAMPLES)]
    DeadLetters(letters::Options),
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
pub fn run(arguments: Arguments, context: &mut Context) -> LocalBoxFuture<'_, Result<Exit, Failure>> {
    // Boxed, so that it is compiled in this crate and not in the one that awaits it.
    run_workload(arguments, context).boxed_local()
}

async fn run_workload(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    use workloads::run;
    match arguments.act {
        Act::Sync(workload) => run(&workload, &workload.stage, context).await,
        Act::Strangers(workload) => run(&workload, &workload.stage, context).await,
        Act::TwoIdentifiers(workload) => run(&workload, &workload.stage, context).await,
        Act::Delta(workload) => run(&workload, &workload.stage, context).await,
        Act::Live(workload) => run(&workload, &workload.stage, context).await,
        Act::LiveDuringBulk(workload) => run(&workload, &workload.stage, context).await,
        Act::CreateStorm(workload) => run(&workload, &workload.stage, context).await,
        Act::Outage(workload) => run(&workload, &workload.stage, context).await,
        Act::Replay(workload) => run(&workload, &workload.stage, context).await,
        Act::DeadLetters(options) => letters::run(&options, context).await,
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
