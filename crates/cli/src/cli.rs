//! The tree of commands, as the command line shows it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{config, simulate};

/// Segment's audiences and traits as affiliates in Refersion.
///
/// Takes identify and delete events from Segment, and keeps Refersion's affiliates true to them.
#[derive(Debug, Parser)]
#[command(name = "refersion-destination", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(term_width = HELP_WIDTH)]
pub struct Cli {
    /// A TOML file whose settings go before the defaults; the environment goes before both.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON for scripts: results on standard output, errors on standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Help is as wide as this whatever the terminal, because an example that was broken in two cannot be copied.
const HELP_WIDTH: usize = 120;

const EXAMPLES: &str = "\
Examples:
  refersion-destination simulate --listen 127.0.0.1:4010     a Refersion to try things on
  refersion-destination config show                          what is in force, and where it comes from
  refersion-destination config show --config my.toml --json  the same for scripts, with a file of your own

Every command explains itself: refersion-destination COMMAND --help";

/// The commands. Each has its own file below `commands/`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a Refersion of your own, with faults on demand
    Simulate(Box<simulate::Arguments>),
    /// Look at the configuration
    Config(config::Arguments),
}

#[cfg(test)]
mod tests;
