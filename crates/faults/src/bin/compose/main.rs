//! `compose`: brings up the compose stack under a name of its own, sends it Segment's two example events and an audience sync,
//! checks the results, and removes everything again.

mod http;
mod scenario;
mod stack;

use std::io::Write as _;

use anyhow::Context as _;
use stack::Stack;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let stack = Stack::new()?;
    let running = stack.clone();
    let scenario = spawn_blocking(move || {
        running.up()?;
        scenario::run(&running)
    });
    let mut terminated = signal(SignalKind::terminate())?;
    let result = tokio::select! {
        result = scenario => result?,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminated.recv() => Err(anyhow::anyhow!("interrupted")),
    };
    if result.is_err() {
        stack.show_logs();
    }
    let removed = stack.down().context("the stack could not be removed");
    // Not dropped: after an interruption, the scenario waits for a command that may take its time to end.
    let ended = result.and(removed);
    if let Err(cause) = &ended {
        writeln!(std::io::stderr(), "compose: {cause:#}")?;
    }
    std::process::exit(i32::from(ended.is_err()));
}

/// Reports progress on standard error.
fn report(text: &str) {
    // A closed standard error only hides the progress.
    drop(writeln!(std::io::stderr(), "compose: {text}"));
}
