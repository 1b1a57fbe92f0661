//! Progress on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::report::Report;

/// Interval of lines where there is no terminal.
const LINE: Duration = Duration::from_secs(3);
/// A file of a known length, and a stream.
const BAR: &str = "{wide_bar} {percent:>3} %  {msg}";
const NO_BAR: &str = "{spinner} {msg}";

/// Where progress is shown.
enum Place {
    Terminal(ProgressBar),
    Lines,
    /// A script reads errors there.
    Nowhere,
}

/// Shows how far the file is.
pub(super) struct Progress {
    place: Place,
    length: Option<u64>,
    began: Instant,
    shown: Instant,
}

impl Progress {
    /// For a file of this length. Nothing is shown to scripts.
    pub(super) fn new(for_a_script: bool, length: Option<u64>) -> Self {
        let place = match (for_a_script, std::io::stderr().is_terminal()) {
            (true, _) => Place::Nowhere,
            (false, true) => Place::Terminal(bar(length)),
            (false, false) => Place::Lines,
        };
        Self { place, length, began: Instant::now(), shown: Instant::now() }
    }

    /// Prints a line that stays.
    pub(super) fn say(&mut self, text: &str) {
        match &self.place {
            Place::Terminal(bar) => bar.suspend(|| write_line(text)),
            Place::Lines => write_line(text),
            Place::Nowhere => {}
        }
    }

    /// Shows how far it is.
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
            Place::Lines | Place::Nowhere => {}
        }
    }

    /// Draws the bar again while nothing moves.
    pub(super) fn refresh(&mut self) {
        if let Place::Terminal(bar) = &self.place {
            bar.tick();
        }
    }

    /// Takes the bar away.
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
