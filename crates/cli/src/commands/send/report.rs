//! The result of a run: the events that were sent, and how it ended.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::marker::Saved;
use super::reading::{Batch, Kinds};
use service::failure::{Exit, Failure};
use service::output::{Output, counted};

/// The counts of a run. If it was resumed, `before` holds its earlier parts.
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

/// The end, for scripts. Every count includes those of the run that was resumed.
#[derive(Serialize)]
struct Summary {
    /// Events in the queue.
    events: u64,
    identifies: u64,
    deletes: u64,
    /// Events of other types, which end as skipped.
    other_types: u64,
    bad_lines: u64,
    /// The line at which an interrupted run continued.
    resumed_at_line: Option<u64>,
    complete: bool,
    seconds: f64,
}

impl Report {
    /// The report of a run, or of the rest of one.
    pub(super) fn resumed(before: Option<&Saved>) -> Self {
        let before = before.cloned().unwrap_or_default();
        Self { bytes: before.bytes, line: before.line.max(1), before, ..Self::default() }
    }

    /// Counts a published batch.
    pub(super) fn count(&mut self, batch: &Batch) {
        self.kinds.add(batch.kinds);
        self.bad_lines += batch.bad.len() as u64;
        (self.bytes, self.line) = (batch.end.bytes, batch.end.line);
    }

    /// The content of the marker after this batch.
    pub(super) fn saved(&self, batch: &Batch) -> Saved {
        Saved {
            bytes: batch.end.bytes,
            line: batch.end.line,
            digest: batch.digest.clone(),
            started_at: batch.started_at,
            kinds: self.all_kinds(),
            bad_lines: self.all_bad_lines(),
        }
    }

    fn all_kinds(&self) -> Kinds {
        let mut kinds = self.before.kinds;
        kinds.add(self.kinds);
        kinds
    }

    /// Events that are in the queue, or were.
    pub(super) fn events(&self) -> u64 {
        self.all_kinds().all()
    }

    /// Events that this run has sent.
    pub(super) fn events_of_this_run(&self) -> u64 {
        self.kinds.all()
    }

    /// Bytes of the file that were processed.
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

    /// Prints the result, and returns the exit code.
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
        let kinds = self.all_kinds();
        Summary {
            events: kinds.all(),
            identifies: kinds.identifies,
            deletes: kinds.deletes,
            other_types: kinds.others,
            bad_lines: self.all_bad_lines(),
            resumed_at_line: (self.before.line > 0).then_some(self.before.line),
            complete: self.is_complete,
            seconds: self.took.as_secs_f64(),
        }
    }

    fn in_words(&self, file: &Path, can_resume: bool) -> Vec<String> {
        let seconds = self.took.as_secs_f64();
        let mut lines = vec![format!("{} in the queue, in {seconds:.1} s", counted(self.events(), "event"))];
        let others = self.all_kinds().others;
        if others > 0 {
            let others = counted(others, "event");
            lines.push(format!("{others} of other types than identify and delete, which end as skipped"));
        }
        if self.all_bad_lines() > 0 {
            let bad = counted(self.all_bad_lines(), "bad line");
            lines.push(format!("{bad} of {} left out, {}", file.display(), self.where_named()));
        }
        if !self.is_complete {
            lines.push(format!("stopped before line {}; {}", self.line, resume(can_resume)));
        }
        lines
    }
}

impl Report {
    /// Where the reasons of bad lines are shown: this run does not repeat those of an earlier one.
    fn where_named(&self) -> String {
        match (self.before.bad_lines, self.bad_lines) {
            (0, _) => "each reported above".to_owned(),
            (_, 0) => "each reported by the earlier run".to_owned(),
            (before, now) => format!("{now} reported above and {before} by the earlier run"),
        }
    }
}

fn resume(can_resume: bool) -> &'static str {
    if can_resume {
        "run the same command again to resume there"
    } else {
        "standard input cannot be resumed: send all of it again; its deletes are applied again, too"
    }
}

impl Kinds {
    fn add(&mut self, more: Self) {
        self.identifies += more.identifies;
        self.deletes += more.deletes;
        self.others += more.others;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that was interrupted after 5 events and 2 bad lines, and its rest with 3 events and these bad lines.
    fn resumed(bad_lines: u64) -> Report {
        let kinds = Kinds { identifies: 3, deletes: 1, others: 1 };
        let before = Saved { line: 8, kinds, bad_lines: 2, ..Saved::default() };
        let mut report = Report::resumed(Some(&before));
        report.kinds.add(Kinds { identifies: 1, deletes: 2, others: 0 });
        report.bad_lines = bad_lines;
        report
    }

    #[test]
    fn the_counts_of_a_resumed_run_are_those_of_all_its_parts() {
        let summary = resumed(1).summary();
        assert_eq!((summary.identifies, summary.deletes, summary.other_types), (4, 3, 1));
        assert_eq!((summary.events, summary.bad_lines, summary.resumed_at_line), (8, 3, Some(8)));
    }

    #[test]
    fn a_report_states_which_run_named_the_bad_lines() {
        let words = |report: Report| report.in_words(Path::new("f"), true).join("\n");
        assert!(
            words(resumed(1))
                .contains("3 bad lines of f left out, 1 reported above and 2 by the earlier run")
        );
        assert!(words(resumed(0)).contains("2 bad lines of f left out, each reported by the earlier run"));
        let first = Report { bad_lines: 1, ..Report::resumed(None) };
        assert!(words(first).contains("1 bad line of f left out, each reported above"));
    }
}
