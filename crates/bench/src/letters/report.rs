//! The report of `bench dead-letters`.

use serde::Serialize;

use crate::setup::Setup;
use service::failure::{Exit, Failure};
use service::output::Output;

/// One operation.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Its name.
    #[serde(rename = "act")]
    pub(super) operation: &'static str,
    /// Number of dead letters that it affected.
    pub(super) letters: u64,
    /// From the start of the command to its end.
    pub(super) seconds: f64,
    /// The longest time for which a lock was held meanwhile, in milliseconds.
    pub(super) longest_lock_ms: f64,
    /// The same without commits that wait for the disk; `null` on SQLite.
    pub(super) without_disk_ms: Option<f64>,
}

/// All measurements.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) workload: &'static str,
    pub(super) engines: &'static str,
    pub(super) letters: u32,
    pub(super) filled_seconds: f64,
    #[serde(rename = "acts")]
    pub(super) operations: Vec<Row>,
    pub(super) setup: Setup,
}

impl Report {
    pub(super) fn print(&self, output: &mut Output) -> Result<Exit, Failure> {
        if output.is_json() {
            output.json(self)?;
            return Ok(Exit::Done);
        }
        let Self { letters, engines, filled_seconds, .. } = self;
        output.line(&format!(
            "dead-letters: {letters} of three causes on {engines}, written in {filled_seconds:.0} s"
        ))?;
        for line in self.setup.lines() {
            output.line(&line)?;
        }
        output.line("")?;
        let cells = |row: &Row| {
            let (seconds, lock) = (format!("{:.2}", row.seconds), format!("{:.0}", row.longest_lock_ms));
            let without_disk = row.without_disk_ms.map_or_else(String::new, |ms| format!("{ms:.0}"));
            vec![row.operation.to_owned(), row.letters.to_string(), seconds, lock, without_disk]
        };
        let rows: Vec<Vec<String>> = self.operations.iter().map(cells).collect();
        let titles = ["OPERATION", "DEAD LETTERS", "SECONDS", "LONGEST LOCK, MS", "WITHOUT DISK, MS"];
        output.table(&titles, &rows)?;
        Ok(Exit::Done)
    }
}
