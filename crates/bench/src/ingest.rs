//! `bench ingest`: how fast the ingest endpoint takes events one by one and in batches. Nobody absorbs them meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tokio::task::JoinSet;

use super::crew::Hand;
use super::failed;
use super::ground::{Ground, api_key};
use super::latency::Latency;
use super::members::{Round, Shape};
use super::send::{Door, basic};
use super::usage;
use service::Context;
use service::failure::{Exit, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench ingest
  refersion-destination bench ingest --events 100000 --batch 500 --connections 8
  refersion-destination bench ingest --json

Each way gets an ingest process of its own, on the engines of the configuration, which must be empty; on SQLite it takes
temporary files (TMPDIR says where). An answer is given when its events are durable.";

/// How long emptying the queue waits for more.
const NO_MORE: Duration = Duration::from_millis(200);

/// The arguments of `bench ingest`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Events that each way takes
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    events: u32,
    /// Events of one batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    batch: u32,
    /// Requests under way at the same time, each on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
}

/// A way in.
#[derive(Clone, Copy)]
struct Way {
    path: &'static str,
    batch: u32,
    accepted: u16,
}

/// How fast one way was.
#[derive(Debug, Serialize)]
struct Row {
    path: &'static str,
    /// Events in one request.
    batch: u32,
    seconds: f64,
    events_per_second: f64,
    /// From a request to its answer.
    p50_ms: f64,
    p99_ms: f64,
    /// The most memory that the process had, where the system tells.
    peak_memory_bytes: Option<u64>,
}

pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let ground = Ground::prepare(context).await?;
    // Nobody delivers, so nobody is called there.
    let connection = ground.connect("http://127.0.0.1:9".to_owned()).await?.id;
    let measured = measure(options, &ground).await;
    ground.clear(connection).await?;
    empty(&ground).await?;
    let rows = measured.map_err(|error| failed(&error))?;
    if context.output.is_json() {
        context.output.json(&rows)?;
    } else {
        let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
        context
            .output
            .table(&["PATH", "BATCH", "SECONDS", "EVENTS/S", "P50 MS", "P99 MS", "PEAK MIB"], &cells)?;
    }
    Ok(Exit::Done)
}

async fn measure(options: &Options, ground: &Ground) -> anyhow::Result<Vec<Row>> {
    let one_by_one = Way { path: "/segment", batch: 1, accepted: 202 };
    let batches = Way { path: "/v1/batch", batch: options.batch, accepted: 200 };
    let mut rows = Vec::new();
    for way in [one_by_one, batches] {
        rows.push(measure_one(options, ground, way).await?);
    }
    Ok(rows)
}

async fn measure_one(options: &Options, ground: &Ground, way: Way) -> anyhow::Result<Row> {
    let mut process = Hand::start(&["ingest"], &ground.variables)?;
    let address = process.address("segment").await?;
    let door = Door { address, authorization: basic(&api_key())? };
    let sender = Sender { door, way, events: options.events };
    // The first request opens what is opened once.
    Sender { events: 1, ..sender.clone() }.send(1).await?;
    let began = Instant::now();
    let answers = sender.send(options.connections).await?;
    let seconds = began.elapsed().as_secs_f64();
    let peak_memory_bytes = usage::peak_memory(process.pid());
    process.end().await?;
    let latency = Latency::of(answers);
    Ok(Row {
        path: way.path,
        batch: way.batch,
        seconds,
        events_per_second: f64::from(options.events) / seconds,
        p50_ms: latency.p50_ms,
        p99_ms: latency.p99_ms,
        peak_memory_bytes,
    })
}

/// Takes what was published out of the queue again.
async fn empty(ground: &Ground) -> Result<(), Failure> {
    let queue = &ground.engines.queue;
    loop {
        let batch = queue.take(1_000, NO_MORE).await?;
        if batch.is_empty() {
            return Ok(());
        }
        queue.acknowledge(&batch).await?;
    }
}

/// Sends the events of one way.
#[derive(Clone)]
struct Sender {
    door: Door,
    way: Way,
    events: u32,
}

impl Sender {
    /// Sends all over this many connections; how long each answer took.
    async fn send(&self, connections: u16) -> anyhow::Result<Vec<Duration>> {
        let next = Arc::new(AtomicU32::new(0));
        let round = Round { number: 1, at: Timestamp::now(), shape: Shape::Whole };
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let (sender, next) = (self.clone(), Arc::clone(&next));
            tasks.spawn(async move { sender.share(&next, round).await });
        }
        let mut answers = Vec::new();
        while let Some(share) = tasks.join_next().await {
            answers.extend(share??);
        }
        Ok(answers)
    }

    async fn share(&self, next: &AtomicU32, round: Round) -> anyhow::Result<Vec<Duration>> {
        let mut line = self.door.line();
        let mut answers = Vec::new();
        loop {
            let first = next.fetch_add(self.way.batch, Ordering::Relaxed);
            if first >= self.events {
                return Ok(answers);
            }
            let body = self.body(first, round);
            let began = Instant::now();
            let (status, answer) = line.ask(self.door.request(self.way.path, body.into())?).await?;
            answers.push(began.elapsed());
            if status != self.way.accepted {
                anyhow::bail!("{} answered {status}: {}", self.way.path, String::from_utf8_lossy(&answer));
            }
        }
    }

    fn body(&self, first: u32, round: Round) -> String {
        if self.way.batch == 1 {
            return round.event(first, 0);
        }
        let behind_the_last = first.saturating_add(self.way.batch).min(self.events);
        let events: Vec<String> = (first..behind_the_last).map(|member| round.event(member, 0)).collect();
        format!(r#"{{"batch":[{}],"sentAt":"{}"}}"#, events.join(","), round.at)
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let mib = |bytes: u64| (bytes >> 20).to_string();
        vec![
            self.path.to_owned(),
            self.batch.to_string(),
            format!("{:.1}", self.seconds),
            format!("{:.0}", self.events_per_second),
            format!("{:.2}", self.p50_ms),
            format!("{:.2}", self.p99_ms),
            self.peak_memory_bytes.map_or_else(|| "?".to_owned(), mib),
        ]
    }
}
