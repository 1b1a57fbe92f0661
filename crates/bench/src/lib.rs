//! `bench`: measures the whole system beside a plain worker in the same run.
//!
//! Read the files in this order: `workloads`, `deployment` (the processes that they run on), `environment` (the engines),
//! `processes`, `members`, `send` and `live` (the events and their senders), `http_connection`, `control` (the simulator),
//! `expected` and `completion` (the expected state, and when a workload is complete), `usage`, `latency` and `setup` (the
//! figures), `plain` (the baseline), `report`, `plot` and `svg`. `ingest`, `letters` and `pace` are independent of these.

#![expect(clippy::disallowed_methods, reason = "a measurement takes real time")]

mod completion;
mod control;
mod deployment;
mod environment;
mod expected;
mod http_connection;
mod ingest;
mod latency;
mod letters;
mod live;
mod members;
mod pace;
mod plain;
mod plot;
mod processes;
mod report;
mod send;
mod setup;
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
  refersion-destination bench send --members 10000      posts the members to a running ingest endpoint
  refersion-destination bench ingest                    how fast events are accepted, one by one and in batches
  refersion-destination bench pace                      how well limits of known shapes are found; makes no call

All commands but `send` and `pace` start the processes that they measure. On SQLite they use temporary files (in
TMPDIR); a broker and a database must be empty, and are left empty (after the report; on Postgres this takes minutes for
a million members). After a workload that delivers events, the simulated Refersion is compared with the values sent
last; if an event is lost or a value is wrong, the command fails.";

/// The arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure audience syncs of known affiliates
    #[command(after_help = sync::EXAMPLES)]
    Sync(sync::Options),
    /// Measure a sync in which only some members are affiliates
    #[command(after_help = strangers::EXAMPLES)]
    Strangers(strangers::Options),
    /// Compare a sync with two events for each member and one with one event
    #[command(after_help = identifiers::EXAMPLES)]
    TwoIdentifiers(identifiers::Options),
    /// Measure a sync in which few members change
    #[command(after_help = delta::EXAMPLES)]
    Delta(delta::Options),
    /// Measure the delivery of one identify on an idle system
    #[command(after_help = live_only::EXAMPLES)]
    Live(live_only::Options),
    /// Measure the delivery of live identifies during a sync
    #[command(after_help = live_during_bulk::EXAMPLES)]
    LiveDuringBulk(live_during_bulk::Options),
    /// Measure the first creation of affiliates
    #[command(after_help = create_storm::EXAMPLES)]
    CreateStorm(create_storm::Options),
    /// Measure the delivery of all events after an outage
    #[command(after_help = outage::EXAMPLES)]
    Outage(outage::Options),
    /// Measure the replay of dead letters
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::Options),
    /// Measure operations on many dead letters, and their locks
    #[command(after_help = letters::EXAMPLES)]
    DeadLetters(letters::Options),
    /// Post an audience sync to an ingest endpoint like Segment
    #[command(after_help = send::EXAMPLES)]
    Send(send::Options),
    /// Measure how fast single events and batches are accepted
    #[command(after_help = ingest::EXAMPLES)]
    Ingest(ingest::Options),
    /// Show how much of a known rate limit the worker uses
    #[command(after_help = pace::EXAMPLES)]
    Pace(pace::Options),
    /// Run the plain worker, as `bench sync` starts it
    #[command(hide = true)]
    PlainWorker(plain::Options),
}

/// Runs `bench`.
///
/// # Errors
///
/// [`Failure`] of the benchmark.
pub fn run(arguments: Arguments, context: &mut Context) -> LocalBoxFuture<'_, Result<Exit, Failure>> {
    // Boxed, so that it is compiled in this crate and not in the one that awaits it.
    run_workload(arguments, context).boxed_local()
}

async fn run_workload(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    use workloads::run;
    match arguments.command {
        Command::Sync(workload) => run(&workload, &workload.deployment, context).await,
        Command::Strangers(workload) => run(&workload, &workload.deployment, context).await,
        Command::TwoIdentifiers(workload) => run(&workload, &workload.deployment, context).await,
        Command::Delta(workload) => run(&workload, &workload.deployment, context).await,
        Command::Live(workload) => run(&workload, &workload.deployment, context).await,
        Command::LiveDuringBulk(workload) => run(&workload, &workload.deployment, context).await,
        Command::CreateStorm(workload) => run(&workload, &workload.deployment, context).await,
        Command::Outage(workload) => run(&workload, &workload.deployment, context).await,
        Command::Replay(workload) => run(&workload, &workload.deployment, context).await,
        Command::DeadLetters(options) => letters::run(&options, context).await,
        Command::Send(options) => send::run(&options, context).await,
        Command::Ingest(options) => ingest::run(&options, context).await,
        Command::Pace(options) => pace::run(&options, context),
        Command::PlainWorker(options) => plain::run(&options, context).await,
    }
}

/// The failure of a benchmark that did not complete.
fn failed(error: &anyhow::Error) -> Failure {
    Failure::failed("bench", error.as_ref(), "run it again with REFERSION_DESTINATION__LOG__LEVEL=info")
}
