//! What a benchmark found.

use serde::Serialize;

use crate::failure::{Exit, Failure};
use crate::output::Output;

/// How fast one way was.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// What was measured.
    pub(super) what: &'static str,
    /// From the start to the last outcome.
    pub(super) seconds: f64,
    /// Events that ended in a second.
    pub(super) events_per_second: f64,
    /// Calls to Refersion.
    pub(super) calls: u64,
    /// The least calls that would have done.
    pub(super) least_calls: u64,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) engines: &'static str,
    pub(super) members: u32,
    pub(super) doors: u16,
    pub(super) workers: u16,
    /// From the queue to the outcome.
    pub(super) from_queue: Row,
    /// From the ingest endpoint to the outcome, while events come in.
    pub(super) from_door: Row,
    /// From its queue to its outcome.
    pub(super) plain: Row,
    /// How many times as fast as the plain worker.
    pub(super) times_the_plain_worker: f64,
    /// Affiliates that do not hold in the end what was said last.
    pub(super) wrong_affiliates: u64,
}

impl Row {
    pub(super) fn new(what: &'static str, events: u32, seconds: f64, calls: u64, least_calls: u64) -> Self {
        Self { what, seconds, events_per_second: f64::from(events) / seconds, calls, least_calls }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.what.to_owned(),
            format!("{:.1}", self.seconds),
            format!("{:.0}", self.events_per_second),
            self.calls.to_string(),
            self.least_calls.to_string(),
        ]
    }
}

impl Report {
    /// Prints it; the command fails if Refersion does not hold what was said.
    pub(super) fn print(&self, output: &mut Output) -> Result<Exit, Failure> {
        if output.is_json() {
            output.json(self)?;
        } else {
            self.print_for_people(output)?;
        }
        Ok(if self.wrong_affiliates == 0 { Exit::Done } else { Exit::Failed })
    }

    fn print_for_people(&self, output: &mut Output) -> Result<(), Failure> {
        output.line(&format!(
            "{} known affiliates, each with one event, on {}; doors: {}, workers: {}\n",
            self.members, self.engines, self.doors, self.workers
        ))?;
        let rows = [&self.from_queue, &self.from_door, &self.plain].map(Row::cells);
        output.table(&["WAY", "SECONDS", "EVENTS/S", "CALLS", "LEAST"], &rows)?;
        output.line(&format!(
            "\nfrom the queue, {:.1} times as fast as the plain worker; affiliates that are wrong in the end: {}",
            self.times_the_plain_worker, self.wrong_affiliates
        ))
    }
}
