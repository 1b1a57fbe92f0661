//! The commands, one file for each, and what all of them are given.

pub mod audiences;
pub mod audit;
pub mod bench;
pub mod check;
pub mod config;
mod confirm_payout;
pub mod connections;
pub mod dead_letters;
pub mod demo;
pub mod events;
pub mod export;
mod files;
pub mod forget;
mod line;
pub mod migrate;
pub mod missing;
pub mod operators;
pub mod profiles;
pub mod retention;
pub mod secrets;
pub mod send;
pub mod serve;
pub mod simulate;
#[cfg(test)]
pub(crate) mod snapshots;
pub mod status;
pub mod why;

use zeroize::Zeroizing;

use crate::cli::Command;
use crate::config::{LedgerUrl, Loaded};
use crate::engines::presence::Presence;
use crate::engines::{EngineError, Engines, files as installed};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::stack::Roles;

/// What every command is given.
pub struct Context {
    /// The configuration in force.
    pub loaded: Loaded,
    /// Where results go.
    pub output: Output,
    /// The API key in the environment, if there is one.
    pub api_key: Option<Zeroizing<String>>,
}

impl Context {
    /// Opens the engines that the configuration names. They have to be there: a command in the wrong folder makes nothing.
    ///
    /// # Errors
    ///
    /// [`EngineError`].
    pub async fn engines(&self) -> Result<Engines, EngineError> {
        Engines::open_existing(&self.loaded.config).await
    }

    /// As [`Context::engines`], for a command that may begin an installation.
    ///
    /// # Errors
    ///
    /// [`EngineError`].
    pub async fn engines_or_new(&self) -> Result<Engines, EngineError> {
        let config = &self.loaded.config;
        if let LedgerUrl::Sqlite(path) = &config.ledger.url
            && Presence::of(path) == Presence::Missing
        {
            let path = installed::whole(path);
            let path = path.display();
            tracing::warn!(%path, "there is no ledger here, so an empty one is made; is this the folder of `serve`?");
        }
        Engines::open(config).await
    }
}

/// Carries out one command.
///
/// # Errors
///
/// Whatever the command failed with.
pub async fn run(command: Command, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        Command::Serve => serve::run(Roles::ALL, context).await,
        Command::Ingest => serve::run(Roles { ingest: true, ..Roles::NONE }, context).await,
        Command::Worker => serve::run(Roles { worker: true, ..Roles::NONE }, context).await,
        Command::Api => serve::run(Roles { api: true, ..Roles::NONE }, context).await,
        Command::Demo(arguments) => demo::run(arguments, context).await,
        Command::Bench(arguments) => bench::run(arguments, context).await,
        Command::Simulate(arguments) => simulate::run(*arguments, context).await,
        Command::Connections(arguments) => connections::run(*arguments, context).await,
        Command::Events(arguments) => events::run(arguments, context).await,
        Command::Profiles(arguments) => profiles::run(arguments, context).await,
        Command::DeadLetters(arguments) => dead_letters::run(arguments, context).await,
        Command::Send(arguments) => send::run(arguments, context).await,
        Command::Forget(arguments) => forget::run(arguments, context).await,
        Command::Audiences(arguments) => audiences::run(arguments, context).await,
        Command::Audit(arguments) => audit::run(arguments, context).await,
        Command::Export(arguments) => export::run(arguments, context).await,
        Command::Why(arguments) => why::run(arguments, context).await,
        Command::Status => status::run(context).await,
        Command::Check => check::run(context).await,
        Command::Config(arguments) => config::run(&arguments, context),
        Command::Secrets(arguments) => secrets::run(&arguments, context).await,
        Command::Migrate(arguments) => migrate::run(&arguments, context).await,
        Command::Retention(arguments) => retention::run(&arguments, context).await,
        Command::Operators(arguments) => operators::run(arguments, context).await,
        Command::Missing(arguments) => missing::run(&arguments, context).await,
    }
}
