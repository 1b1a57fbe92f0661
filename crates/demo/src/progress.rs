//! Progress on standard error: one line that is redrawn on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal as _, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::environment::Environment;
use super::sender::Sender;

/// Redraw interval on a terminal.
const REDRAW: Duration = Duration::from_millis(250);
/// Interval of lines elsewhere.
const LINE: Duration = Duration::from_secs(3);

/// The place where progress is shown.
enum Place {
    /// A terminal: the line is redrawn, and cut to the terminal's width.
    Terminal(ProgressBar),
    /// A file or a pipe: lines follow each other.
    Lines,
    /// A script reads errors there.
    Nowhere,
}

/// The progress of the whole demo.
pub(super) struct Progress {
    place: Place,
    began: Instant,
    title: &'static str,
}

impl Progress {
    /// Writes to standard error, and nowhere for scripts, which read errors there.
    pub(super) fn new(for_a_script: bool) -> Self {
        let place = match (for_a_script, std::io::stderr().is_terminal()) {
            (true, _) => Place::Nowhere,
            (false, true) => Place::Terminal(bar()),
            (false, false) => Place::Lines,
        };
        Self { place, began: Instant::now(), title: "" }
    }

    /// Runs `work`, and shows the progress meanwhile.
    pub(super) async fn during<T>(
        &mut self,
        title: &'static str,
        environment: &Environment,
        sender: &Sender,
        work: impl Future<Output = T>,
    ) -> T {
        self.title = title;
        let mut work = std::pin::pin!(work);
        let every = if matches!(self.place, Place::Terminal(_)) { REDRAW } else { LINE };
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tick.reset();
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    self.show(environment, sender).await;
                    return done;
                }
                _ = tick.tick() => self.show(environment, sender).await,
            }
        }
    }

    /// Prints a line that stays.
    pub(super) fn print(&mut self, text: &str) {
        match &self.place {
            Place::Terminal(bar) => bar.println(text),
            Place::Lines => write_line(text),
            Place::Nowhere => {}
        }
    }

    async fn show(&mut self, environment: &Environment, sender: &Sender) {
        if matches!(self.place, Place::Nowhere) {
            return;
        }
        let line = line(environment, sender).await;
        let text = format!("{:>3} s  {}  {line}", self.began.elapsed().as_secs(), self.title);
        match &self.place {
            Place::Terminal(bar) => bar.set_message(text),
            Place::Lines => write_line(&text),
            Place::Nowhere => {}
        }
    }

    /// Ends the redrawn line.
    pub(super) fn end(&mut self) {
        if let Place::Terminal(bar) = &self.place {
            bar.finish();
        }
    }
}

fn bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style)
}

/// A progress line that cannot be written does not stop the demo.
fn write_line(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

async fn line(environment: &Environment, sender: &Sender) -> String {
    let engines = environment.stack.engines();
    let absorbed =
        environment.stack.worker_meters().map_or(0, |meters| meters.absorbed.load(Ordering::Relaxed));
    let (calls, is_down) =
        environment.simulator.with(|simulator, now| (simulator.calls(), simulator.is_down(now)));
    let affiliates = calls.accounts.first().map_or(0, |account| account.effects.created);
    let pending = match engines.ledger.counts(None, engines.now()).await {
        Ok(counts) => counts.pending.to_string(),
        Err(_) => "?".to_owned(),
    };
    let outage = if is_down { "  (a simulated outage of Refersion is on)" } else { "" };
    format!(
        "accepted {}  absorbed {absorbed}  affiliates {affiliates}  calls {}  pending {pending}{outage}",
        sender.accepted(),
        calls.total
    )
}
