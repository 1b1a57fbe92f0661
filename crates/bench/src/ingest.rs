//! `bench ingest`: how fast the ingest endpoint accepts events one by one and in batches. No worker absorbs them meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tokio::task::JoinSet;

use super::environment::{Environment, api_key};
use super::failed;
use super::latency::Latency;
use super::members::{Round, Shape};
use super::processes::Process;
use super::send::{IngestEndpoint, basic};
use super::usage;
use service::Context;
use service::failure::{Exit, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination bench ingest
  refersion-destination bench ingest --events 100000 --batch 500 --connections 8
  refersion-destination bench ingest --json

Each route gets its own ingest process, on the engines of the configuration, which must be empty. On SQLite
it uses temporary files (in TMPDIR). An answer is given when its events are durable.";

/// How long to wait for more events while the queue is emptied.
const TAKE_TIMEOUT: Duration = Duration::from_millis(200);

/// The arguments of `bench ingest`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Number of events to send to each route
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    events: u32,
    /// Events in one batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    batch: u32,
    /// Concurrent requests, each on its own connection
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
}

/// A route of the ingest endpoint, and how events are sent to it.
#[derive(Clone, Copy)]
struct Route {
    path: &'static str,
    batch: u32,
    accepted: u16,
}

/// How fast one route was.
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
    /// Peak memory of the process, where the system reports it.
    peak_memory_bytes: Option<u64>,
}

pub(super) async fn run(options: &Options, context: &mut Context) -> Result<Exit, Failure> {
    let environment = Environment::prepare(context).await?;
    // No worker runs, so no call is made to this address.
    let connection = environment.connect("http://127.0.0.1:9".to_owned()).await?.id;
    let measured = measure(options, &environment).await;
    environment.clear(connection).await?;
    empty(&environment).await?;
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

async fn measure(options: &Options, environment: &Environment) -> anyhow::Result<Vec<Row>> {
    let one_by_one = Route { path: "/segment", batch: 1, accepted: 202 };
    let batches = Route { path: "/v1/batch", batch: options.batch, accepted: 200 };
    let mut rows = Vec::new();
    for route in [one_by_one, batches] {
        rows.push(measure_one(options, environment, route).await?);
    }
    Ok(rows)
}

async fn measure_one(options: &Options, environment: &Environment, route: Route) -> anyhow::Result<Row> {
    let mut process = Process::start(&["ingest"], &environment.variables)?;
    let address = process.address("segment").await?;
    let endpoint = IngestEndpoint { address, authorization: basic(&api_key())? };
    let sender = Sender { endpoint, route, events: options.events };
    // The first request opens resources that the process opens only once.
    Sender { events: 1, ..sender.clone() }.send(1).await?;
    let began = Instant::now();
    let answers = sender.send(options.connections).await?;
    let seconds = began.elapsed().as_secs_f64();
    let peak_memory_bytes = usage::peak_memory(process.pid());
    process.stop().await?;
    let latency = Latency::of(answers);
    Ok(Row {
        path: route.path,
        batch: route.batch,
        seconds,
        events_per_second: f64::from(options.events) / seconds,
        p50_ms: latency.p50_ms,
        p99_ms: latency.p99_ms,
        peak_memory_bytes,
    })
}

/// Removes the published events from the queue.
async fn empty(environment: &Environment) -> Result<(), Failure> {
    let queue = &environment.engines.queue;
    loop {
        let batch = queue.take(1_000, TAKE_TIMEOUT).await?;
        if batch.is_empty() {
            return Ok(());
        }
        queue.acknowledge(&batch).await?;
    }
}

/// Sends events to one route.
#[derive(Clone)]
struct Sender {
    endpoint: IngestEndpoint,
    route: Route,
    events: u32,
}

impl Sender {
    /// Sends all events over this many connections. Returns the latency of each answer.
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
        let mut connection = self.endpoint.connect();
        let mut answers = Vec::new();
        loop {
            let first = next.fetch_add(self.route.batch, Ordering::Relaxed);
            if first >= self.events {
                return Ok(answers);
            }
            let body = self.body(first, round);
            let began = Instant::now();
            let (status, answer) =
                connection.send(self.endpoint.request(self.route.path, body.into())?).await?;
            answers.push(began.elapsed());
            if status != self.route.accepted {
                anyhow::bail!("{} answered {status}: {}", self.route.path, String::from_utf8_lossy(&answer));
            }
        }
    }

    fn body(&self, first: u32, round: Round) -> String {
        if self.route.batch == 1 {
            return round.event(first, 0);
        }
        let end = first.saturating_add(self.route.batch).min(self.events);
        let events: Vec<String> = (first..end).map(|member| round.event(member, 0)).collect();
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
