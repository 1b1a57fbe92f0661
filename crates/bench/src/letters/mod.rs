//! `bench dead-letters`: how long operators wait for what they do with many dead letters, and for how long others wait for
//! them.

mod acts;
mod fill;
mod lock;
mod report;

use std::time::Instant;

use clap::Args;

use super::failed;
use super::ground::Ground;
use super::setup::Setup;
use acts::Acts;
use report::Report;
use service::Context;
use service::failure::{Exit, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench dead-letters
  refersion-destination bench dead-letters --letters 1000000
  refersion-destination bench dead-letters --letters 10000 --json

The ledger is filled with dead letters of three causes: edits that were not answered, addresses that Refersion refuses,
and events that cannot be read. Then each command runs as a process of its own. Beside it, the write lock of a SQLite
ledger is asked for every millisecond, and Postgres every 5 ms for the age of its oldest transaction that has written:
the longest of these is shown.";

/// The arguments of `bench dead-letters`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How many dead letters there are
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(10..=5_000_000))]
    letters: u32,
}

pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let ground = Ground::prepare(context).await?;
    // No worker runs, so nobody is called there.
    let connection = ground.connect("http://127.0.0.1:9".to_owned()).await?;
    let measured = measure(options, &ground, &connection).await;
    ground.clear(connection.id).await?;
    measured.map_err(|error| failed(&error))?.print(&mut context.output)
}

async fn measure(
    options: &Options,
    ground: &Ground,
    connection: &connections::Connection,
) -> anyhow::Result<Report> {
    let setup = Setup::of(ground).await?;
    let began = Instant::now();
    fill::fill(&ground.engines, connection, options.letters).await?;
    let filled_seconds = began.elapsed().as_secs_f64();
    tracing::info!(options.letters, filled_seconds, "the ledger is filled");
    let rows = Acts::new(ground, options.letters).all().await?;
    Ok(Report {
        workload: "dead-letters",
        engines: ground.pair(),
        letters: options.letters,
        filled_seconds,
        acts: rows,
        setup,
    })
}
