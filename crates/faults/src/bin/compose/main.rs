//! `compose`: brings up the compose stack under a name of its own, sends it Segment's two example events and an audience
//! sync, checks what became of them, and removes everything again.

mod http;
mod stack;
mod story;

use std::io::Write as _;

use anyhow::Context as _;
use stack::Stack;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let stack = Stack::new()?;
    let playing = stack.clone();
    let story = spawn_blocking(move || {
        playing.up()?;
        story::play(&playing)
    });
    let mut terminated = signal(SignalKind::terminate())?;
    let played = tokio::select! {
        played = story => played?,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminated.recv() => Err(anyhow::anyhow!("interrupted")),
    };
    if played.is_err() {
        stack.show_logs();
    }
    let removed = stack.down().context("the stack could not be removed");
    // Not dropped: after an interruption, the story waits for a command that may take its time to end.
    let ended = played.and(removed);
    if let Err(cause) = &ended {
        writeln!(std::io::stderr(), "compose: {cause:#}")?;
    }
    std::process::exit(i32::from(ended.is_err()));
}

/// Says how far it is, on standard error.
fn say(text: &str) {
    // A reader that went away misses a sign of life, nothing more.
    drop(writeln!(std::io::stderr(), "compose: {text}"));
}
