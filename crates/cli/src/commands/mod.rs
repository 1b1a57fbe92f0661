//! The commands, one file for each, and what all of them are given.

pub mod config;
pub mod simulate;

use crate::cli::Command;
use crate::config::Loaded;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// What every command is given.
pub struct Context {
    /// The configuration in force.
    pub loaded: Loaded,
    /// Where results go.
    pub output: Output,
}

/// Carries out one command.
///
/// # Errors
///
/// Whatever the command failed with.
pub async fn run(command: Command, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        Command::Simulate(arguments) => simulate::run(*arguments, context).await,
        Command::Config(arguments) => config::run(&arguments, context),
    }
}
