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
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// Width of the help, whatever the terminal's is: a wrapped example cannot be copied.
const HELP_WIDTH: usize = 120;

const EXAMPLES: &str = "\
Examples:
  refersion-destination demo                                 all parts under faults, in less than a minute
  refersion-destination serve                                ingest, worker, health and metrics in one process
  refersion-destination connections add --name shop          asks for the API key, and prints the next steps
  refersion-destination events find ann@example.org          the outcomes of a person's events, with reasons
  refersion-destination status --json                        the backlog and the connections, for scripts
  refersion-destination simulate --listen 127.0.0.1:4010     a simulated Refersion for experiments

Every command has a help text: refersion-destination COMMAND --help";

/// The commands. Each has its own file below `commands/`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run ingest, worker, health and metrics in one process
    #[command(after_help = serve::SERVE_EXAMPLES)]
    Serve,
    /// Run the ingest endpoint alone: accept Segment's events into the queue
    #[command(after_help = serve::INGEST_EXAMPLES)]
    Ingest,
    /// Run the worker alone: absorb events, and send the differences to Refersion
    #[command(after_help = serve::WORKER_EXAMPLES)]
    Worker,
    /// Run the HTTP API for operators alone
    #[command(after_help = serve::API_EXAMPLES)]
    Api,
    /// Run a demo under faults, with a proof at the end
    Demo(demo::Arguments),
    /// Measure performance, with a plain worker as the baseline
    Bench(bench::Arguments),
    /// Run a simulated Refersion, with faults on demand
    Simulate(Box<simulate::Arguments>),
    /// Add, show, check and change connections to Refersion accounts
    Connections(Box<connections::Arguments>),
    /// Put the events of a file into the queue
    Send(send::Arguments),
    /// Find events, with their outcomes or the reasons why they wait
    Events(events::Arguments),
    /// Show what is stored about a person
    Profiles(profiles::Arguments),
    /// Show why a person waits: a call, a pause, an address
    Why(why::Arguments),
    /// List, repair and replay events that failed for good
    DeadLetters(dead_letters::Arguments),
    /// Delete a person, as a delete from Segment does
    Forget(forget::Arguments),
    /// Show audiences with their members and their delivery
    Audiences(audiences::Arguments),
    /// Show the audit: actions of operators and of the worker
    Audit(audit::Arguments),
    /// Print all data that is stored about a person, as JSON
    Export(export::Arguments),
    /// Show the backlog and the state of each connection
    #[command(after_help = status::EXAMPLES)]
    Status,
    /// Check the installation, and print how to correct problems
    #[command(after_help = check::EXAMPLES)]
    Check,
    /// Show the configuration
    Config(config::Arguments),
    /// Create the master key's file, or rotate the encryption key
    Secrets(secrets::Arguments),
    /// Bring the schemas of queue and ledger up to date
    Migrate(migrate::Arguments),
    /// Show the progress of retention, and confirm the clock
    Retention(retention::Arguments),
    /// Add, list and revoke operators of the HTTP API
    Operators(operators::Arguments),
    /// Show accepted events that never arrived, and confirm them
    Missing(missing::Arguments),
}

impl Command {
    /// Whether it runs until a signal ends it; then its log is a service's.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::Serve | Self::Ingest | Self::Worker | Self::Api | Self::Simulate(_))
    }

    /// How it logs, unless the operator says otherwise. A command that ends by itself shows problems, and not the state of its
    /// links. The demo has faults on purpose and a page of its own: its log holds bugs alone.
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
