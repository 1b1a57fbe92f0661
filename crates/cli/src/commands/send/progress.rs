//! Progress on standard error: a bar on a terminal, a line every few seconds elsewhere. A script gets everything except figures
//! as JSON on standard output.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use files::Reason;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::report::Report;
use service::failure::Failure;
use service::output::Output;

/// Interval of lines where there is no terminal.
const LINE: Duration = Duration::from_secs(3);
/// A file of a known length, and a stream.
const BAR: &str = "{wide_bar} {percent:>3} %  {msg}";
const NO_BAR: &str = "{spinner} {msg}";

/// The place where progress is shown.
enum Place {
    Terminal(ProgressBar),
    Lines,
    /// JSON for a script, without progress.
    Script(Output),
}

/// A bad line, for scripts.
#[derive(Serialize)]
struct BadLine {
    bad_line: u64,
    reason: String,
}

/// Any other notice, for scripts.
#[derive(Serialize)]
struct Notice<'a> {
    notice: &'a str,
}

/// Shows the progress through the file.
pub(super) struct Progress {
    place: Place,
    length: Option<u64>,
    began: Instant,
    shown: Instant,
}

impl Progress {
    /// For a file of this length.
    pub(super) fn new(for_a_script: bool, length: Option<u64>) -> Self {
        let place = match (for_a_script, std::io::stderr().is_terminal()) {
            (true, _) => Place::Script(Output::to_stdout(true, None)),
            (false, true) => Place::Terminal(bar(length)),
            (false, false) => Place::Lines,
        };
        Self { place, length, began: Instant::now(), shown: Instant::now() }
    }

    /// Reports something that is not a figure.
    ///
    /// # Errors
    ///
    /// [`Failure`] if a script's standard output cannot be written.
    pub(super) fn notice(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.place {
            Place::Script(output) => return output.json(&Notice { notice: text }),
            _ => self.line(text),
        }
        Ok(())
    }

    /// Names a bad line.
    ///
    /// # Errors
    ///
    /// As [`Progress::notice`].
    pub(super) fn show_bad_line(&mut self, line: u64, reason: Reason) -> Result<(), Failure> {
        match &mut self.place {
            Place::Script(output) => {
                return output.json(&BadLine { bad_line: line, reason: reason.to_string() });
            }
            _ => self.line(&format!("line {line}: {reason}")),
        }
        Ok(())
    }

    /// Prints a line that stays, for people.
    fn line(&self, text: &str) {
        match &self.place {
            Place::Terminal(bar) => bar.suspend(|| write_line(text)),
            Place::Lines => write_line(text),
            Place::Script(_) => {}
        }
    }

    /// Shows the progress.
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown without fractions")]
    pub(super) fn show(&mut self, report: &Report) {
        let events = report.events();
        let rate = report.events_of_this_run() as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        match &self.place {
            Place::Terminal(bar) => {
                bar.set_position(report.bytes());
                bar.set_message(format!("{events} events, {rate:.0} a second"));
            }
            Place::Lines if self.shown.elapsed() >= LINE => {
                self.shown = Instant::now();
                let percent = self.length.map(|length| report.bytes().saturating_mul(100) / length.max(1));
                let percent = percent.map_or_else(String::new, |percent| format!("{percent:>3} %  "));
                write_line(&format!("{percent}{events} events, {rate:.0} a second"));
            }
            Place::Lines | Place::Script(_) => {}
        }
    }

    /// Draws the bar again while there is no progress.
    pub(super) fn refresh(&mut self) {
        if let Place::Terminal(bar) = &self.place {
            bar.tick();
        }
    }

    /// Removes the bar.
    pub(super) fn end(&mut self) {
        if let Place::Terminal(bar) = &self.place {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), BAR),
        None => (ProgressBar::new_spinner(), NO_BAR),
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A line that cannot be written does not stop the file.
fn write_line(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
