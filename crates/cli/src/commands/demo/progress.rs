//! Shows on standard error how far the demo is: one line that is drawn anew on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::sender::Sender;
use super::stage::Stage;

/// How often the line is drawn anew on a terminal.
const REDRAW: Duration = Duration::from_millis(250);
/// How often there is a line elsewhere.
const LINE: Duration = Duration::from_secs(3);

/// Where progress is shown.
pub(super) struct Progress {
    out: Box<dyn Write + Send>,
    redraws: bool,
    began: Instant,
    title: &'static str,
}

impl Progress {
    /// Shows it on standard error; not at all for scripts, to whom standard error tells failures.
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
        stage: &Stage,
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
                    self.show(stage, sender).await;
                    return done;
                }
                _ = tick.tick() => self.show(stage, sender).await,
            }
        }
    }

    /// Says something that stays.
    pub(super) fn say(&mut self, text: &str) {
        let clear = if self.redraws { "\r\x1b[K" } else { "" };
        self.write(&format!("{clear}{text}\n"));
    }

    async fn show(&mut self, stage: &Stage, sender: &Sender) {
        let line = line(stage, sender).await;
        let seconds = self.began.elapsed().as_secs();
        let text = format!("{seconds:>3} s  {line}  ({})", self.title);
        let text = if self.redraws { format!("\r\x1b[K{text}") } else { format!("{text}\n") };
        self.write(&text);
    }

    /// Ends the line that was drawn last.
    pub(super) fn end(&mut self) {
        if self.redraws {
            self.write("\n");
        }
    }

    /// Progress is a courtesy: if nobody can read it, the demo goes on.
    fn write(&mut self, text: &str) {
        drop(self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()));
    }
}

async fn line(stage: &Stage, sender: &Sender) -> String {
    let engines = stage.stack.engines();
    let absorbed = stage.stack.worker_meters().map_or(0, |meters| meters.absorbed.load(Ordering::Relaxed));
    let calls = stage.simulator.with(|simulator, _| simulator.calls());
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
