//! Progress on standard error: one line that is redrawn on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal as _, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::environment::Environment;
use super::sender::Sender;

/// Redraw interval on a terminal.
const REDRAW: Duration = Duration::from_millis(250);
/// Interval of lines elsewhere.
const LINE: Duration = Duration::from_secs(3);

/// Where progress is shown.
pub(super) struct Progress {
    out: Box<dyn Write + Send>,
    redraws: bool,
    began: Instant,
    title: &'static str,
}

impl Progress {
    /// Writes to standard error, and nowhere for scripts, which read errors there.
    pub(super) fn new(for_a_script: bool) -> Self {
        let redraws = std::io::stderr().is_terminal() && !for_a_script;
        let out: Box<dyn Write + Send> =
            if for_a_script { Box::new(std::io::sink()) } else { Box::new(std::io::stderr()) };
        Self { out, redraws, began: Instant::now(), title: "" }
    }

    /// Runs `work`, and shows how far everything is meanwhile.
    pub(super) async fn during<T>(
        &mut self,
        title: &'static str,
        environment: &Environment,
        sender: &Sender,
        work: impl Future<Output = T>,
    ) -> T {
        self.title = title;
        let mut work = std::pin::pin!(work);
        let mut tick = tokio::time::interval(if self.redraws { REDRAW } else { LINE });
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
    pub(super) fn say(&mut self, text: &str) {
        let clear = if self.redraws { "\r\x1b[K" } else { "" };
        self.write(&format!("{clear}{text}\n"));
    }

    async fn show(&mut self, environment: &Environment, sender: &Sender) {
        let line = line(environment, sender).await;
        let seconds = self.began.elapsed().as_secs();
        let text = format!("{seconds:>3} s  {line}  ({})", self.title);
        let text = if self.redraws { format!("\r\x1b[K{text}") } else { format!("{text}\n") };
        self.write(&text);
    }

    /// Ends the redrawn line.
    pub(super) fn end(&mut self) {
        if self.redraws {
            self.write("\n");
        }
    }

    /// A progress line that cannot be written does not stop the demo.
    fn write(&mut self, text: &str) {
        drop(self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()));
    }
}

async fn line(environment: &Environment, sender: &Sender) -> String {
    let engines = environment.stack.engines();
    let absorbed =
        environment.stack.worker_meters().map_or(0, |meters| meters.absorbed.load(Ordering::Relaxed));
    let calls = environment.simulator.with(|simulator, _| simulator.calls());
    let affiliates = calls.accounts.first().map_or(0, |account| account.effects.created);
    let pending = match engines.ledger.counts(None, engines.now()).await {
        Ok(counts) => counts.pending.to_string(),
        Err(_) => "?".to_owned(),
    };
    format!(
        "accepted {}  absorbed {absorbed}  affiliates {affiliates}  calls {}  pending {pending}",
        sender.accepted(),
        calls.total
    )
}
