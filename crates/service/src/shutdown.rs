//! How the program is stopped: the first SIGTERM or SIGINT begins a drain, the second ends the process at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::Exit;
use crate::logs;

/// Returns a token that the first signal cancels. Must be called within a runtime.
///
/// # Errors
///
/// If the system does not let us listen for signals.
pub fn on_signals() -> io::Result<CancellationToken> {
    let mut signals =
        Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!(
            "received a signal to end: finishing the work under way; a second signal ends the process at once"
        );
        stop.cancel();
        signals.next().await;
        tracing::warn!("received a second signal: ending at once");
        logs::flush();
        std::process::exit(Exit::Failed as i32);
    });
    Ok(token)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
