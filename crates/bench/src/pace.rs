//! `bench pace`: how well the pace finds limits of known shapes, in virtual time.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use worker::pace::measure::{Measured, Scenario, Shape, simulate};

use service::Context;
use service::failure::{Exit, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench pace              the same numbers on every machine
  refersion-destination bench pace --seed 7     other seeds
  refersion-destination bench pace --json

No call is made: the limits are simulated in virtual time, with calls always due. Each row is the mean of eight seeds.";

/// Seeds that each row is the mean of.
const SEEDS: u32 = 8;
const FAST: (Duration, Duration) = (Duration::from_millis(40), Duration::from_millis(80));
const NEVER: (Duration, Duration) = (Duration::ZERO, Duration::ZERO);
const SLOW: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(500));

/// The options of `bench pace`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// One limit, and the results of the pace.
#[derive(Debug, Serialize)]
struct Row {
    limit: String,
    /// Calls per second.
    ceiling: f64,
    /// The mean time that a call takes.
    latency_ms: u128,
    /// The share of the possible calls that were made.
    used: f64,
    /// The share of all calls that were answered 429.
    throttled: f64,
}

pub(super) fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let rows: Vec<Row> =
        scenarios(options.seed).into_iter().map(|(limit, scenario)| row(limit, scenario)).collect();
    let output = &mut context.output;
    if output.is_json() {
        output.json(&rows)?;
        return Ok(Exit::Done);
    }
    let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
    output.table(&["LIMIT", "CEILING", "LATENCY", "USED", "ANSWERED 429"], &cells)?;
    Ok(Exit::Done)
}

/// Every shape with the ceilings that make a difference to it.
fn scenarios(seed: u64) -> Vec<(String, Scenario)> {
    let seconds = Duration::from_secs;
    let mut all = Vec::new();
    let mut add = |limit: &str, shape, ceiling, latency, outage| {
        let (warm_up, lasts) = match shape {
            Shape::Window(_, length) => (length * 4, length * 10),
            _ => (seconds(60), seconds(300)),
        };
        all.push((limit.to_owned(), Scenario { shape, ceiling, latency, warm_up, lasts, outage, seed }));
    };
    let bucket = |low, high| Shape::Bucket { low, high };
    let chance = |throttled, bad| Shape::Chance { throttled, bad };
    let changing = "bucket of 1 s, 8 to 40 calls/s, changing every 30 s";
    for ceiling in [50.0, 1000.0, 5000.0] {
        add(changing, bucket(8.0, 40.0), ceiling, FAST, NEVER);
        add("window of 10 s, 24 calls/s", Shape::Window(24.0, seconds(10)), ceiling, FAST, NEVER);
        add("window of 60 s, 24 calls/s", Shape::Window(24.0, seconds(60)), ceiling, FAST, NEVER);
    }
    add(changing, bucket(8.0, 40.0), 1000.0, SLOW, NEVER);
    let larger = "bucket of 1 s, 50 to 200 calls/s, changing every 30 s";
    add(larger, bucket(50.0, 200.0), 1000.0, FAST, NEVER);
    for most in [2, 10, 40] {
        add(&format!("{most} calls at the same time"), Shape::AtOnce(most), 1000.0, FAST, NEVER);
        add(&format!("{most} calls at the same time"), Shape::AtOnce(most), 1000.0, SLOW, NEVER);
    }
    add("none; 1.3 % answered 429 and 2.7 % badly by chance", chance(13, 27), 20.0, FAST, NEVER);
    add("none; 2.2 % answered 429 and 4.4 % badly by chance", chance(22, 44), 5.0, FAST, NEVER);
    let away = (seconds(150), seconds(210));
    add("the first bucket; all answered 503 for 60 s", bucket(8.0, 40.0), 1000.0, FAST, away);
    for ceiling in [100.0, 1000.0] {
        add("none; all answered 503 for 60 s", chance(0, 0), ceiling, FAST, away);
    }
    all
}

fn row(limit: String, scenario: Scenario) -> Row {
    let seeds = 0..u64::from(SEEDS);
    let measured: Vec<Measured> = seeds
        .map(|seed| simulate(&Scenario { seed: scenario.seed.wrapping_add(seed), ..scenario }))
        .collect();
    let mean = |share: fn(&Measured) -> f64| measured.iter().map(share).sum::<f64>() / f64::from(SEEDS);
    Row {
        limit,
        ceiling: scenario.ceiling,
        latency_ms: (scenario.latency.0 + scenario.latency.1).as_millis() / 2,
        used: mean(Measured::used),
        throttled: mean(Measured::throttled_share),
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        vec![
            self.limit.clone(),
            format!("{}/s", self.ceiling),
            format!("{} ms", self.latency_ms),
            format!("{:.1} %", self.used * 100.0),
            format!("{:.1} %", self.throttled * 100.0),
        ]
    }
}
