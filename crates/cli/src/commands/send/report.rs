//! What was sent, and how it ended.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::marker::Saved;
use super::reading::{Batch, Kinds};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// What was counted. Earlier parts of a run that was resumed are `before`.
#[derive(Default)]
pub(super) struct Report {
    kinds: Kinds,
    before: Saved,
    bad_lines: u64,
    bytes: u64,
    /// The next line.
    line: u64,
    is_complete: bool,
    took: Duration,
}

/// The end, for scripts.
#[derive(Serialize)]
struct Summary {
    /// Events in the queue, those of the run that was resumed included.
    events: u64,
    identifies: u64,
    deletes: u64,
    /// Events of other types, which end as skipped.
    other_types: u64,
    bad_lines: u64,
    /// The line at which an interrupted run went on.
    resumed_at_line: Option<u64>,
    complete: bool,
    seconds: f64,
}

impl Report {
    /// Of a run, or of the rest of one.
    pub(super) fn resumed(before: Option<&Saved>) -> Self {
        let before = before.cloned().unwrap_or_default();
        Self { bytes: before.bytes, line: before.line.max(1), before, ..Self::default() }
    }

    /// Counts what was published.
    pub(super) fn count(&mut self, batch: &Batch) {
        self.kinds.add(batch.kinds);
        self.bad_lines += batch.bad.len() as u64;
        (self.bytes, self.line) = (batch.end.bytes, batch.end.line);
    }

    /// What the marker has to say after this batch.
    pub(super) fn saved(&self, batch: &Batch) -> Saved {
        Saved {
            bytes: batch.end.bytes,
            line: batch.end.line,
            digest: batch.digest.clone(),
            started_at: batch.started_at,
            events: self.events(),
            bad_lines: self.all_bad_lines(),
        }
    }

    /// Events that are in the queue, or were.
    pub(super) fn events(&self) -> u64 {
        self.before.events + self.kinds.all()
    }

    /// Those of this run.
    pub(super) fn events_of_this_run(&self) -> u64 {
        self.kinds.all()
    }

    /// Bytes of the file that are done.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn all_bad_lines(&self) -> u64 {
        self.before.bad_lines + self.bad_lines
    }

    /// The run is over.
    pub(super) fn finish(&mut self, is_complete: bool, took: Duration) {
        (self.is_complete, self.took) = (is_complete, took);
    }

    /// Prints the end; the exit code.
    ///
    /// # Errors
    ///
    /// [`Failure`] if standard output cannot be written.
    pub(super) fn print(&self, file: &Path, can_resume: bool, output: &mut Output) -> Result<Exit, Failure> {
        if output.is_json() {
            output.json(&self.summary())?;
        } else {
            for line in self.in_words(file, can_resume) {
                output.line(&line)?;
            }
        }
        let is_done = self.is_complete && self.all_bad_lines() == 0;
        Ok(if is_done { Exit::Done } else { Exit::Partly })
    }

    fn summary(&self) -> Summary {
        Summary {
            events: self.events(),
            identifies: self.kinds.identifies,
            deletes: self.kinds.deletes,
            other_types: self.kinds.others,
            bad_lines: self.all_bad_lines(),
            resumed_at_line: (self.before.line > 0).then_some(self.before.line),
            complete: self.is_complete,
            seconds: self.took.as_secs_f64(),
        }
    }

    fn in_words(&self, file: &Path, can_resume: bool) -> Vec<String> {
        let seconds = self.took.as_secs_f64();
        let mut lines = vec![format!("{} in the queue, in {seconds:.1} s", counted(self.events(), "event"))];
        if self.kinds.others > 0 {
            let others = counted(self.kinds.others, "event");
            lines.push(format!("{others} of other types than identify and delete, which end as skipped"));
        }
        if self.all_bad_lines() > 0 {
            let bad = counted(self.all_bad_lines(), "bad line");
            lines.push(format!("{bad} of {} left out, each named above", file.display()));
        }
        if !self.is_complete {
            lines.push(format!("stopped before line {}; {}", self.line, resume(can_resume)));
        }
        lines
    }
}

fn resume(can_resume: bool) -> &'static str {
    if can_resume {
        "run the same command again to resume there"
    } else {
        "standard input cannot be resumed: send all of it again, which does no harm"
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl Kinds {
    fn add(&mut self, more: Self) {
        self.identifies += more.identifies;
        self.deletes += more.deletes;
        self.others += more.others;
    }
}
