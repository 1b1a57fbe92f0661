//! `demo`: the whole system in one process, under faults, and the proof that it kept its promises.
//!
//! The order of reading: `stage` (what runs), `script` with `cast` (what is sent), `weather` (what goes wrong),
//! `sender`, `curtain` (when it is over), `proof`, `figures` and `report` (what came of it).

mod cast;
mod curtain;
mod encore;
mod engage;
mod figures;
mod oddities;
mod opening;
mod progress;
mod proof;
mod report;
mod says;
mod script;
mod sender;
mod stage;
mod weather;
mod words;

use std::time::{Duration, Instant};

use clap::Args;
use connections::{OsRandomness, Randomness as _};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::shutdown;
use figures::Report;
use opening::not_sent;
use progress::Progress;
use sender::{Sender, Sent};
use stage::Stage;

const EXAMPLES: &str = "\
Examples:
  refersion-destination demo                           20,000 members, under a minute
  refersion-destination demo --members 1000 --seed 7   a small one; the same people and weather each time
  refersion-destination demo --keep                    stays, and says how to look at it with the other commands

It runs everything in one process on temporary files, with a simulated Refersion that fails now and then, and ends with
the proof that Refersion holds what the events say. It exits with 1 if a promise was broken.";

/// The arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// How many people sign up and enter the audience
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    members: u32,
    /// Stay when it is over, with all files, and print the environment that makes the other commands look at it
    #[arg(long)]
    keep: bool,
    /// Determines the people, their events and the faults; a new one each time if it is not given
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Runs the demo.
///
/// # Errors
///
/// [`Failure`] if something does not start, does not come to its end, or is interrupted. A broken promise is no failure
/// but [`Exit::Failed`], with the report.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let stop =
        shutdown::on_signals().map_err(|error| Failure::failed("signals", &error, "report this as a bug"))?;
    let seed = arguments.seed.unwrap_or_else(random_seed);
    let stage = Stage::set(&context.loaded.config, seed).await?;
    let played = tokio::select! {
        played = play(&stage, seed, arguments.members, context) => played,
        () = stop.cancelled() => Err(interrupted()),
    };
    if arguments.keep && played.is_ok() {
        encore::show_how_to_look(&mut context.output, &stage)?;
        stop.cancelled().await;
    }
    stage.strike(arguments.keep && played.is_ok()).await;
    Ok(played?.exit())
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
        hint: "with --members N a smaller one is done sooner".to_owned(),
    }
}

/// The story from the first event to the report.
async fn play(stage: &Stage, seed: u64, members: u32, context: &mut Context) -> Result<Report, Failure> {
    let members = usize::try_from(members).unwrap_or(usize::MAX);
    let mut progress = Progress::new(context.output.is_json());
    progress
        .say(&format!("demo with {members} members, seed {seed}, at most {} calls a second", stage::RATE));
    let sender = sender(stage)?;
    let mut sent = opening::play(stage, &sender, &mut progress).await?;

    let weather = weather::faults(members);
    progress.say(&format!("from now on, Refersion's weather is: {weather}"));
    stage.simulator.with(|simulator, now| simulator.set_faults(now, weather));

    let script = script::write(seed, members, stage.stack.engines().now());
    let began = Instant::now();
    for act in script.acts {
        let sending = progress.during(act.title, stage, &sender, sender.send(act.calls)).await;
        sent.add(sending.map_err(not_sent)?);
    }
    progress.during("all is sent", stage, &sender, curtain::falls(stage, members)).await?;
    let took = began.elapsed();
    progress.end();
    report(stage, (seed, members, took), &sent, &script.refused, context).await
}

fn sender(stage: &Stage) -> Result<Sender, Failure> {
    let door = stage.stack.door_address().ok_or_else(|| not_sent(anyhow::anyhow!("the demo has no door")))?;
    Sender::to(door, stage::API_KEY).map_err(not_sent)
}

async fn report(
    stage: &Stage,
    run: (u64, usize, Duration),
    sent: &Sent,
    refused: &std::collections::BTreeSet<(String, String)>,
    context: &mut Context,
) -> Result<Report, Failure> {
    let ended = proof::read_ends(stage, sent).await?;
    let proof = proof::prove(stage, sent, &ended, refused)?;
    let report = figures::gather(stage, run, sent, &ended, proof).await?;
    report.print(&mut context.output)?;
    encore::suggest(&mut context.output, run.0)?;
    Ok(report)
}
