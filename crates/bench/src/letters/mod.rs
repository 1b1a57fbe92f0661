//! `bench dead-letters`: how long operations on many dead letters take, and how long they hold locks that other processes
//! need.

mod fill;
mod lock;
mod operations;
mod report;

use std::time::Instant;

use clap::Args;

use super::environment::Environment;
use super::failed;
use super::setup::Setup;
use operations::Operations;
use report::Report;
use service::Context;
use service::failure::{Exit, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench dead-letters
  refersion-destination bench dead-letters --letters 1000000
  refersion-destination bench dead-letters --letters 10000 --json

The ledger is filled with dead letters of three causes: edits that were not answered, addresses that Refersion
refuses, and events that cannot be read. Then each command runs as a separate process. Meanwhile the benchmark
requests the write lock of a SQLite ledger every millisecond, or asks Postgres every 5 ms for the age of its oldest
transaction that has written. It shows the longest of these; on Postgres also without commits that wait for the disk.";

/// The arguments of `bench dead-letters`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Number of dead letters
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(10..=5_000_000))]
    letters: u32,
}

pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let environment = Environment::prepare(context).await?;
    // No worker runs, so no call is made to this address.
    let connection = environment.connect("http://127.0.0.1:9".to_owned()).await?;
    let measured = measure(options, &environment, &connection).await;
    environment.clear(connection.id).await?;
    measured.map_err(|error| failed(&error))?.print(&mut context.output)
}

async fn measure(
    options: &Options,
    environment: &Environment,
    connection: &connections::Connection,
) -> anyhow::Result<Report> {
    let setup = Setup::of(environment).await?;
    let began = Instant::now();
    fill::fill(&environment.engines, connection, options.letters).await?;
    let filled_seconds = began.elapsed().as_secs_f64();
    tracing::info!(options.letters, filled_seconds, "the ledger is filled");
    let operations = Operations::new(environment, options.letters).run().await?;
    Ok(Report {
        workload: "dead-letters",
        engines: environment.pair(),
        letters: options.letters,
        filled_seconds,
        operations,
        setup,
    })
}
