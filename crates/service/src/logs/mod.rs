//! Logs: `tracing` to standard error, for people or for machines. No secret and no personal data is ever a field.
//!
//! The process does not depend on its log. Lines go through a bounded buffer to a thread of their own (`sink`), so that nothing
//! waits for a pipe that nobody reads and nothing fails because of a full disk. Repeated lines are held back (`repeats`).

mod format;
mod repeats;
mod sink;

use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};
use format::Lines;
use repeats::{HoldRepeats, Repeats};
use sink::Sink;

/// lapin logs an error when a broker refuses a request or goes away. The queue's supervisor expects both, and reports them in
/// words that an operator can act on. `info,lapin=debug` shows lapin's own lines.
const QUIET: &str = "lapin=off";

/// The sink of this process, once logging has started.
static SINK: OnceLock<Sink> = OnceLock::new();

/// Lines that standard error did not take, and lines that were held back because they repeat, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Lines lost: standard error could not be written, or was not read.
    pub lost: u64,
    /// Lines held back as repetitions.
    pub repeated: u64,
}

/// Starts logging for the whole process, on a terminal in colours if they `are_wanted`. A second call changes nothing.
pub fn start(settings: &Log, are_wanted: bool) {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", settings.level.0));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    let repeats = Repeats::default();
    let Ok(sink) = Sink::start(Box::new(std::io::stderr()), repeats.clone()) else { return };
    let lines = Lines::to(sink.clone());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    // A line that cannot be written is counted, but causes no further line.
    let builder = builder.log_internal_errors(false);
    let held = HoldRepeats::new(repeats);
    let started = match settings.format {
        LogFormat::Human => {
            let colours = are_wanted && std::io::stderr().is_terminal();
            builder.with_ansi(colours).finish().with(held).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).finish().with(held).try_init(),
    };
    if started.is_ok() {
        SINK.get_or_init(|| sink);
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// Lines that are missing from the log.
#[must_use]
pub fn missing() -> Missing {
    SINK.get().map(Sink::missing).unwrap_or_default()
}

/// Writes the last line of the process, as it stands, behind all others; gives up after a second if standard error does
/// not take it. Without logging it is written directly.
pub fn last_line(text: &str) {
    use std::io::Write as _;
    match SINK.get() {
        Some(sink) => {
            sink.push(format!("{text}\n").into_bytes());
            sink.flush();
        }
        // If standard error is closed, only the exit code reports it.
        None => drop(writeln!(std::io::stderr(), "{text}")),
    }
}

/// Waits until all lines are written, for at most a second.
pub fn flush() {
    if let Some(sink) = SINK.get() {
        sink.flush();
    }
}

/// Logs where a panic happened. Its text is logged only if it was fixed at compile time: anything else may carry the data
/// that was being worked on.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text =
        panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown: it may hold data)");
    tracing::error!(place, text, "a task panicked, which is a bug");
}
