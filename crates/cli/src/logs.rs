//! Logs: `tracing` to standard error, for people or for machines. No secret and no personal data is ever a field.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// lapin calls it an error when a broker that was asked for something says no or goes away. The queue's supervisor expects
/// both, and tells of them in words that an operator can act on. `info,lapin=debug` brings lapin's own back.
const QUIET: &str = "lapin=off";

/// Starts logging for the whole process. A second call changes nothing.
pub fn start(settings: &Log) {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", settings.level.0));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Human => builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
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
