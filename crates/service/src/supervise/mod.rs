//! Keeps named loops running: a loop that ends, fails or panics is started again after a pause, and `/readyz` says so
//! meanwhile.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::health::{Freshness, Pulse, Pulses};

/// The pause before the first restart. It doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause before a restart.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A loop that ran for this long was healthy: its next restart comes after the first pause again.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// Makes one run of a loop.
type Loop = Arc<dyn Fn(Pulse) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// The loops of one process.
pub struct Supervisor {
    pulses: Pulses,
    stop: CancellationToken,
    loops: Vec<(String, JoinHandle<()>)>,
}

impl Supervisor {
    /// Supervises loops that end when `stop` is cancelled, and shows their state in `pulses`.
    #[must_use]
    pub fn new(pulses: Pulses, stop: CancellationToken) -> Self {
        Self { pulses, stop, loops: Vec::new() }
    }

    /// Starts a loop. `run` makes one run of it: it has to end soon after `stop` is cancelled, and to call
    /// [`Pulse::beat`] meanwhile if it is held to [`Freshness::Beats`].
    pub fn start<Run, Ended>(&mut self, name: &str, freshness: Freshness, run: Run)
    where
        Run: Fn(Pulse) -> Ended + Send + Sync + 'static,
        Ended: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let run: Loop = Arc::new(move |pulse| run(pulse).boxed());
        self.start_boxed(name, freshness, run);
    }

    fn start_boxed(&mut self, name: &str, freshness: Freshness, run: Loop) {
        let pulse = self.pulses.register(name, freshness);
        let kept = keep_running(name.to_owned(), pulse, self.stop.clone(), run);
        self.loops.push((name.to_owned(), tokio::spawn(kept)));
    }

    /// Waits until `stop` is cancelled, and then until every loop has ended, for at most `deadline`. Loops that still run then
    /// are aborted. Returns their names.
    pub async fn drain(self, deadline: Duration) -> Vec<String> {
        self.stop.cancelled().await;
        self.pulses.end();
        let end = Instant::now() + deadline;
        let mut late = Vec::new();
        for (name, handle) in self.loops {
            let handle = AbortOnDropHandle::new(handle);
            if tokio::time::timeout_at(end, handle).await.is_err() {
                late.push(name);
            }
        }
        if !late.is_empty() {
            tracing::warn!(
                loops = late.join(", "),
                "aborted loops that did not end within shutdown.deadline"
            );
        }
        late
    }
}

async fn keep_running(name: String, pulse: Pulse, stop: CancellationToken, run: Loop) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let end = run_once(&pulse, &run).await;
        if stop.is_cancelled() {
            return;
        }
        pulse.down(report(&name, end));
        if started.elapsed() >= WELL_AFTER {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Runs the loop in a task of its own, so that a panic ends that task alone.
async fn run_once(pulse: &Pulse, run: &Loop) -> Result<anyhow::Result<()>, JoinError> {
    pulse.starting();
    let (run, pulse) = (Arc::clone(run), pulse.clone());
    // Within the task, because the making of a run may panic too.
    AbortOnDropHandle::new(tokio::spawn(async move { run(pulse).await })).await
}

/// Logs how a loop ended, and returns the text for `/readyz`: no text from outside.
fn report(name: &str, end: Result<anyhow::Result<()>, JoinError>) -> &'static str {
    match end {
        Ok(Ok(())) => {
            tracing::error!(name, "a loop ended and is started again");
            "ended, to be started again"
        }
        Ok(Err(error)) => {
            tracing::error!(name, error = format!("{error:#}"), "a loop failed and is started again");
            "failed, to be started again"
        }
        Err(_) => {
            tracing::error!(name, "a loop panicked and is started again");
            "panicked, to be started again"
        }
    }
}

#[cfg(test)]
mod tests;
