//! `demo`: the whole system in one process, under faults, with a proof at the end that it kept its promises.
//!
//! Read the files in this order: `environment` (the running parts), `scenario` with `people` and `bodies` (the events),
//! `faults`, `sender`, `idle` (the end of the work), `proof`, `figures` and `report` (the results).

mod bodies;
mod engage;
mod environment;
mod examples;
mod faults;
mod figures;
mod hints;
mod idle;
mod invalid;
mod people;
mod progress;
mod proof;
mod report;
mod scenario;
mod sender;
mod words;

use std::time::{Duration, Instant};

use clap::Args;
use connections::{OsRandomness, Randomness as _};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use environment::Environment;
use examples::not_sent;
use figures::Report;
use progress::Progress;
use sender::{Sender, Sent};
use service::Context;
use service::failure::{Exit, Failure};
use service::shutdown;

const EXAMPLES: &str = "\
Examples:
  refersion-destination demo                           20,000 members, under a minute
  refersion-destination demo --members 1000 --seed 7   a small one; the same people and faults each time
  refersion-destination demo --keep                    keeps running; prints how to inspect it

It runs everything in one process on temporary files, with a simulated Refersion that sometimes fails. At the end it
proves that Refersion has the values that the events state. It exits with 1 if a promise was broken.";

/// The arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Number of people who sign up and enter the audience
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    members: u32,
    /// Keep running with all files, and print the environment variables for other commands
    #[arg(long)]
    keep: bool,
    /// Seed of people, events and faults [default: random]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Runs the demo.
///
/// # Errors
///
/// [`Failure`] if something does not start, does not come to its end, or is interrupted. A broken promise is no failure
/// but [`Exit::Failed`], with the report.
pub fn run(arguments: Arguments, context: &mut Context) -> LocalBoxFuture<'_, Result<Exit, Failure>> {
    // Boxed, so that it is compiled in this crate and not in the one that awaits it.
    run_demo(arguments, context).boxed_local()
}

async fn run_demo(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    let seed = arguments.seed.unwrap_or_else(random_seed);
    let environment = Environment::start(&context.loaded.config, seed).await?;
    let result = tokio::select! {
        result = run_all(&environment, seed, arguments.members, context) => result,
        () = stop.cancelled() => Err(interrupted()),
    };
    if arguments.keep && result.is_ok() {
        hints::show_how_to_look(&mut context.output, &environment)?;
        stop.cancelled().await;
    }
    environment.stop(arguments.keep && result.is_ok()).await;
    Ok(result?.exit())
}

/// Short enough to be typed again.
fn random_seed() -> u64 {
    let mut bytes = [0; 4];
    OsRandomness.fill(&mut bytes);
    u64::from(u32::from_be_bytes(bytes))
}

fn interrupted() -> Failure {
    Failure {
        exit: Exit::Failed,
        code: "interrupted",
        message: "the demo was interrupted".to_owned(),
        hint: "a smaller demo with --members N takes less time".to_owned(),
    }
}

/// Runs from the first event to the report.
async fn run_all(
    environment: &Environment,
    seed: u64,
    members: u32,
    context: &mut Context,
) -> Result<Report, Failure> {
    let members = usize::try_from(members).unwrap_or(usize::MAX);
    let mut progress = Progress::new(context.output.is_json());
    progress.print(&format!(
        "demo with {members} members, seed {seed}, at most {} calls a second",
        environment::RATE
    ));
    let sender = sender(environment)?;
    let mut sent = examples::run(environment, &sender, &mut progress).await?;

    let faults = faults::faults(members);
    progress.print(&format!("from now on, the simulated Refersion injects faults: {faults}"));
    environment.simulator.with(|simulator, now| simulator.set_faults(now, faults));

    let scenario = scenario::write(seed, members, environment.stack.engines().now());
    let began = Instant::now();
    for phase in scenario.phases {
        let sending = progress.during(phase.title, environment, &sender, sender.send(phase.calls)).await;
        sent.add(sending.map_err(not_sent)?);
    }
    progress.during("all is sent", environment, &sender, idle::wait(environment, members)).await?;
    let took = began.elapsed();
    progress.end();
    report(environment, (seed, members, took), &sent, &scenario.refused, context).await
}

fn sender(environment: &Environment) -> Result<Sender, Failure> {
    let address = environment.stack.ingest_address();
    let address = address.ok_or_else(|| not_sent(anyhow::anyhow!("the demo has no ingest endpoint")))?;
    Sender::to(address, environment::API_KEY).map_err(not_sent)
}

async fn report(
    environment: &Environment,
    run: (u64, usize, Duration),
    sent: &Sent,
    refused: &std::collections::BTreeSet<(String, String)>,
    context: &mut Context,
) -> Result<Report, Failure> {
    let ended = proof::read_ends(environment, sent).await?;
    let proof = proof::prove(environment, sent, &ended, refused)?;
    let report = figures::gather(environment, run, sent, &ended, proof).await?;
    report.print(&mut context.output)?;
    hints::suggest(&mut context.output, run.0)?;
    Ok(report)
}
