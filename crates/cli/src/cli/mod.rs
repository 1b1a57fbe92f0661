//! The tree of commands, as the command line shows it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    audiences, audit, check, config, connections, dead_letters, events, export, forget, migrate, missing,
    operators, profiles, retention, secrets, send, serve, simulate, status, why,
};
use service::config::{Loaded, Log, LogLevel, Origin};

/// Segment's audiences and traits as affiliates in Refersion.
///
/// Takes identify and delete events from Segment, and keeps Refersion's affiliates up to date.
#[derive(Debug, Parser)]
#[command(name = "refersion-destination", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(term_width = HELP_WIDTH)]
pub struct Cli {
    /// A TOML file that overrides the defaults; the environment overrides both.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON for scripts: results on standard output, errors on standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// Show tables whole, however wide the terminal is.
    #[arg(long, global = true)]
    pub wide: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Help is as wide as this whatever the terminal, because an example that was broken in two cannot be copied.
const HELP_WIDTH: usize = 120;

const EXAMPLES: &str = "\
Examples:
  refersion-destination demo                                 all of it at work under faults, in under a minute
  refersion-destination serve                                ingest, worker, health and metrics in one process
  refersion-destination connections add --name shop          asks for the API key, and says what else to do
  refersion-destination events find ann@example.org          what became of somebody's events, and why
  refersion-destination status --json                        how much waits where, for scripts
  refersion-destination simulate --listen 127.0.0.1:4010     a Refersion to try things on

Every command explains itself: refersion-destination COMMAND --help";

/// The commands. Each has its own file below `commands/`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run ingest, worker, health and metrics in one process
    #[command(after_help = serve::SERVE_EXAMPLES)]
    Serve,
    /// Run the ingest endpoint alone: accept Segment's events into the queue
    #[command(after_help = serve::INGEST_EXAMPLES)]
    Ingest,
    /// Run the worker alone: absorb events, and send Refersion the difference
    #[command(after_help = serve::WORKER_EXAMPLES)]
    Worker,
    /// Run the HTTP API for operators alone
    #[command(after_help = serve::API_EXAMPLES)]
    Api,
    /// Run a demo under faults, with a proof at the end
    Demo(demo::Arguments),
    /// Measure how fast it is, beside a plain worker in the same run
    Bench(bench::Arguments),
    /// Run a simulated Refersion, with faults on demand
    Simulate(Box<simulate::Arguments>),
    /// Add, show, check and change the Refersion accounts that are delivered to
    Connections(Box<connections::Arguments>),
    /// Put the events of a file into the queue
    Send(send::Arguments),
    /// Find events, what happened to them, and what they wait for
    Events(events::Arguments),
    /// Show what is stored about a person
    Profiles(profiles::Arguments),
    /// Show what a person waits for: a call, a pause, an address
    Why(why::Arguments),
    /// List, repair and replay events that failed for good
    DeadLetters(dead_letters::Arguments),
    /// Delete a person, as a delete from Segment does
    Forget(forget::Arguments),
    /// Show audiences: members, and how far they are delivered
    Audiences(audiences::Arguments),
    /// Show who did what: actions of operators and of the worker
    Audit(audit::Arguments),
    /// Print all data that is stored about a person, as JSON
    Export(export::Arguments),
    /// Show how much waits where, and how the connections are
    #[command(after_help = status::EXAMPLES)]
    Status,
    /// Check the installation, and say how to correct it
    #[command(after_help = check::EXAMPLES)]
    Check,
    /// Look at the configuration
    Config(config::Arguments),
    /// Create the master key's file, or rotate the encryption key
    Secrets(secrets::Arguments),
    /// Bring the schemas of queue and ledger up to date
    Migrate(migrate::Arguments),
    /// Show how far expired events are dropped, and confirm the clock
    Retention(retention::Arguments),
    /// Add, list and revoke operators of the HTTP API
    Operators(operators::Arguments),
    /// Show accepted events that never arrived, and confirm that you know of them
    Missing(missing::Arguments),
}

impl Command {
    /// Whether it runs until a signal ends it; then its log is a service's.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::Serve | Self::Ingest | Self::Worker | Self::Api | Self::Simulate(_))
    }

    /// How it logs, unless somebody says otherwise. A command that ends by itself shows what is wrong, and not how its
    /// links are. The demo has faults on purpose and a page of its own: its log holds bugs alone.
    #[must_use]
    pub fn log(&self, loaded: &Loaded) -> Log {
        let mut log = loaded.config.log.clone();
        if loaded.settings.origin("log.level") == Origin::Default && !self.goes_on() {
            let level = if matches!(self, Self::Demo(_)) { "error" } else { "warn" };
            log.level = LogLevel(level.to_owned());
        }
        log
    }
}

#[cfg(test)]
mod tests;
