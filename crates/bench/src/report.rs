//! The report of a benchmark.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::latency::Latency;
use super::send::Sent;
use super::setup::Setup;
use super::usage::RoleUsage;
use service::failure::{Exit, Failure};
use service::output::Output;

/// One measurement.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Its key in the report.
    #[serde(skip)]
    pub(super) key: &'static str,
    /// The measurement in words.
    pub(super) what: &'static str,
    pub(super) events: u64,
    /// From the start to the last outcome.
    pub(super) seconds: f64,
    /// Events that ended in a second.
    pub(super) events_per_second: f64,
    /// Number of calls to Refersion.
    pub(super) calls: u64,
    /// Minimum number of calls for these events.
    pub(super) least_calls: u64,
    /// From a request to the answer of the ingest endpoint; the worst of several senders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answers: Option<Latency>,
    /// Answers that refused an event temporarily.
    pub(super) refused: u64,
    /// From that answer to the arrival of the call at Refersion, of live identifies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delivery: Option<Latency>,
    /// CPU time and memory of the processes.
    pub(super) processes: Vec<RoleUsage>,
}

/// All measurements of a workload, and the final state.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) workload: &'static str,
    pub(super) engines: &'static str,
    pub(super) members: u32,
    #[serde(rename = "doors")]
    pub(super) ingest_processes: u16,
    pub(super) workers: u16,
    /// The measurements, by their keys.
    #[serde(flatten, serialize_with = "by_key")]
    pub(super) rows: Vec<Row>,
    /// Events per second of the first row, divided by those of the plain worker. Absent if the plain worker did not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) times_the_plain_worker: Option<f64>,
    /// Accepted events that have no outcome, or are dead letters.
    pub(super) lost_events: u64,
    /// Affiliates that do not hold the value sent last, that are missing, or that should not exist.
    pub(super) wrong_affiliates: u64,
    /// Number of events by outcome, of all rounds.
    pub(super) outcomes: BTreeMap<String, u64>,
    pub(super) setup: Setup,
}

fn by_key<S: Serializer>(rows: &[Row], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(rows.iter().map(|row| (row.key, row)))
}

impl Row {
    /// The row with the answers of the ingest endpoint.
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
    /// Prints the report. The command fails if an event is lost or an affiliate is wrong.
    pub(super) fn print(&self, output: &mut Output) -> Result<Exit, Failure> {
        if output.is_json() {
            output.json(self)?;
        } else {
            self.print_text(output)?;
        }
        Ok(if self.wrong_affiliates + self.lost_events == 0 { Exit::Done } else { Exit::Failed })
    }

    fn print_text(&self, output: &mut Output) -> Result<(), Failure> {
        let Self { workload, members, engines, ingest_processes, workers, .. } = self;
        output.line(&format!(
            "{workload}: {members} members on {engines}; ingest processes: {ingest_processes}, workers: {workers}"
        ))?;
        for line in self.setup.lines() {
            output.line(&line)?;
        }
        output.line("")?;
        let rows: Vec<Vec<String>> = self.rows.iter().map(Row::cells).collect();
        output.table(&["SOURCE", "EVENTS", "SECONDS", "EVENTS/S", "CALLS", "MINIMUM", "REFUSED"], &rows)?;
        let latencies: Vec<Vec<String>> = self.rows.iter().flat_map(Row::latency_cells).collect();
        if !latencies.is_empty() {
            output.line("")?;
            output.table(&["SOURCE", "LATENCY, MS", "SAMPLES", "P50", "P99", "P99.9", "MAX"], &latencies)?;
        }
        let processes: Vec<Vec<String>> = self.rows.iter().flat_map(Row::process_cells).collect();
        if !processes.is_empty() {
            output.line("")?;
            let head = ["SOURCE", "ROLE", "PROCESSES", "CPU SECONDS", "CPU µs/EVENT", "PEAK MiB"];
            output.table(&head, &processes)?;
        }
        output.line("")?;
        if let (Some(times), Some(row)) = (self.times_the_plain_worker, self.rows.first()) {
            output.line(&format!("{}: {times:.1} times as fast as the plain worker", row.what))?;
        }
        output.line(&format!(
            "lost events: {}; wrong affiliates at the end: {}",
            self.lost_events, self.wrong_affiliates
        ))
    }
}
