//! The progress of a plan, on standard error: a bar on a terminal, a line every few seconds elsewhere, nothing for scripts.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ledger::Plan;
use ledger::plans::ItemState;

/// Interval of lines where there is no terminal.
const LINE: Duration = Duration::from_secs(3);

const BAR: &str = "{wide_bar} {percent:>3} %  {msg}";

enum Place {
    Terminal(ProgressBar),
    Lines(Instant),
    Nowhere,
}

pub(super) struct Progress(Place);

impl Progress {
    /// Of `all` dead letters, as far as their number is known.
    pub(super) fn new(for_a_script: bool, all: Option<u64>) -> Self {
        Self(match (for_a_script, std::io::stderr().is_terminal()) {
            (true, _) => Place::Nowhere,
            (false, false) => Place::Lines(Instant::now()),
            (false, true) => {
                let bar = ProgressBar::new(all.unwrap_or(0));
                let style = ProgressStyle::with_template(BAR);
                Place::Terminal(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
            }
        })
    }

    /// The number of dead letters that are frozen.
    pub(super) fn planning(&mut self, frozen: u64) {
        self.show(frozen, None, &format!("{frozen} frozen"));
    }

    /// The progress of the plan's run.
    pub(super) fn running(&mut self, plan: &Plan) {
        let left = plan.count(ItemState::Planned) + plan.under_way();
        let all = plan.frame.connections.values().sum::<u64>().saturating_sub(plan.count(ItemState::LeftOut));
        let tally = plan.tally();
        let (delivered, failed) = (tally.delivered, tally.failed);
        let text = format!("{delivered} delivered, {failed} failed again, {} under way", plan.under_way());
        self.show(all.saturating_sub(left), Some(all), &text);
    }

    /// Shows a text that stays.
    pub(super) fn show_text(&self, text: &str) {
        match &self.0 {
            Place::Terminal(bar) => bar.suspend(|| write_line(text)),
            Place::Lines(_) => write_line(text),
            Place::Nowhere => {}
        }
    }

    /// `all` replaces the number that it began with.
    fn show(&mut self, done: u64, all: Option<u64>, text: &str) {
        match &mut self.0 {
            Place::Terminal(bar) => {
                if let Some(all) = all {
                    bar.set_length(all);
                }
                bar.set_position(done);
                bar.set_message(text.to_owned());
            }
            Place::Lines(shown) if shown.elapsed() >= LINE => {
                *shown = Instant::now();
                write_line(text);
            }
            Place::Lines(_) | Place::Nowhere => {}
        }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Place::Terminal(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A line that cannot be written stops nothing.
fn write_line(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
