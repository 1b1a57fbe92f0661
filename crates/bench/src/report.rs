//! What a benchmark found.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::latency::Latency;
use super::send::Sent;
use super::setup::Setup;
use super::usage::RoleUsage;
use service::failure::{Exit, Failure};
use service::output::Output;

/// One thing that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Its key in the report.
    #[serde(skip)]
    pub(super) key: &'static str,
    /// What was measured.
    pub(super) what: &'static str,
    pub(super) events: u64,
    /// From the start to the last outcome.
    pub(super) seconds: f64,
    /// Events that ended in a second.
    pub(super) events_per_second: f64,
    /// Calls to Refersion.
    pub(super) calls: u64,
    /// The least calls that would have done.
    pub(super) least_calls: u64,
    /// From a request to the answer of the ingest endpoint; the worst of several senders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answers: Option<Latency>,
    /// Answers that refused an event for the moment.
    pub(super) refused: u64,
    /// From that answer to the arrival of the call at Refersion, of live identifies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delivery: Option<Latency>,
    /// What the processes took.
    pub(super) processes: Vec<RoleUsage>,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) workload: &'static str,
    pub(super) engines: &'static str,
    pub(super) members: u32,
    pub(super) doors: u16,
    pub(super) workers: u16,
    /// By their keys.
    #[serde(flatten, serialize_with = "by_key")]
    pub(super) rows: Vec<Row>,
    /// How many times as fast as the plain worker the first row is, where the plain worker ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) times_the_plain_worker: Option<f64>,
    /// Accepted events that have not ended, or only as dead letters.
    pub(super) lost_events: u64,
    /// Affiliates that do not hold in the end what was said last, that are missing, or that nobody asked for.
    pub(super) wrong_affiliates: u64,
    /// How the events of all rounds ended.
    pub(super) outcomes: BTreeMap<String, u64>,
    pub(super) setup: Setup,
}

fn by_key<S: Serializer>(rows: &[Row], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(rows.iter().map(|row| (row.key, row)))
}

impl Row {
    /// The row with what the ingest endpoint answered while the events were sent.
    pub(super) fn with_answers(self, sent: &Sent) -> Self {
        Self { answers: Some(sent.latency), refused: sent.refused(), ..self }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.what.to_owned(),
            self.events.to_string(),
            format!("{:.1}", self.seconds),
            format!("{:.0}", self.events_per_second),
            self.calls.to_string(),
            self.least_calls.to_string(),
            self.refused.to_string(),
        ]
    }

    fn latency_cells(&self) -> Vec<Vec<String>> {
        let kinds = [("to the answer", self.answers), ("answer to call", self.delivery)];
        let cells = |(kind, latency): (&str, Option<Latency>)| {
            let Latency { samples, p50_ms, p99_ms, p999_ms, max_ms } = latency?;
            let mut cells = vec![self.what.to_owned(), kind.to_owned(), samples.to_string()];
            cells.extend([p50_ms, p99_ms, p999_ms, max_ms].map(|wait| format!("{wait:.1}")));
            Some(cells)
        };
        kinds.into_iter().filter_map(cells).collect()
    }

    fn process_cells(&self) -> Vec<Vec<String>> {
        let cells = |usage: &RoleUsage| {
            let memory =
                usage.peak_memory_bytes.map(|bytes| format!("{:.0}", bytes as f64 / f64::from(1 << 20)));
            vec![
                self.what.to_owned(),
                usage.role.to_owned(),
                usage.processes.to_string(),
                format!("{:.2}", usage.cpu_seconds),
                format!("{:.1}", usage.cpu_micros_per_event),
                memory.unwrap_or_else(|| "-".to_owned()),
            ]
        };
        self.processes.iter().map(cells).collect()
    }
}

impl Report {
    /// Prints it; the command fails if an event is lost, or Refersion does not hold what was said.
    pub(super) fn print(&self, output: &mut Output) -> Result<Exit, Failure> {
        if output.is_json() {
            output.json(self)?;
        } else {
            self.print_for_people(output)?;
        }
        Ok(if self.wrong_affiliates + self.lost_events == 0 { Exit::Done } else { Exit::Failed })
    }

    fn print_for_people(&self, output: &mut Output) -> Result<(), Failure> {
        let Self { workload, members, engines, doors, workers, .. } = self;
        output.line(&format!(
            "{workload}: {members} members on {engines}; ingest processes: {doors}, workers: {workers}"
        ))?;
        for line in self.setup.lines() {
            output.line(&line)?;
        }
        output.line("")?;
        let rows: Vec<Vec<String>> = self.rows.iter().map(Row::cells).collect();
        output.table(&["WAY", "EVENTS", "SECONDS", "EVENTS/S", "CALLS", "LEAST", "REFUSED"], &rows)?;
        let latencies: Vec<Vec<String>> = self.rows.iter().flat_map(Row::latency_cells).collect();
        if !latencies.is_empty() {
            output.line("")?;
            output.table(&["WAY", "LATENCY, MS", "SAMPLES", "P50", "P99", "P99.9", "MAX"], &latencies)?;
        }
        let processes: Vec<Vec<String>> = self.rows.iter().flat_map(Row::process_cells).collect();
        if !processes.is_empty() {
            output.line("")?;
            let head = ["WAY", "ROLE", "PROCESSES", "CPU SECONDS", "CPU µs/EVENT", "PEAK MiB"];
            output.table(&head, &processes)?;
        }
        output.line("")?;
        if let (Some(times), Some(row)) = (self.times_the_plain_worker, self.rows.first()) {
            output.line(&format!("{}: {times:.1} times as fast as the plain worker", row.what))?;
        }
        output.line(&format!(
            "events lost: {}; affiliates that are wrong in the end: {}",
            self.lost_events, self.wrong_affiliates
        ))
    }
}
