//! The commands, one file for each, and the functions that they share.

pub mod audiences;
pub mod audit;
pub mod check;
pub mod config;
mod confirm_payout;
pub mod connections;
pub mod dead_letters;
pub mod events;
pub mod export;
mod files;
pub mod forget;
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

use service::Context;
use service::failure::{Exit, Failure};
use service::stack::Roles;

use crate::cli::Command;

/// Carries out one command.
///
/// # Errors
///
/// The failure of the command.
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
