//! `secrets rotate`: moves on to a new encryption key.

use clap::{Args, Subcommand};
use connections::keys;

use super::Context;
use crate::failure::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  refersion-destination secrets rotate
  refersion-destination secrets rotate --config production.toml
  refersion-destination secrets rotate --json

It seals every API key in the ledger with a new encryption key, which the same master key gives: nothing has to be
backed up anew. Safe beside running processes; they seal with the new key from their next start on. If it was
interrupted, run it again.";

/// The arguments of `secrets`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Seal every API key with a new encryption key
    #[command(after_help = EXAMPLES)]
    Rotate,
}

/// Carries out `secrets`.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be written, or a key in it does not open.
pub async fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match arguments.act {
        Act::Rotate => rotate(context).await,
    }
}

async fn rotate(context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let (vault, resealed) =
        keys::rotate(&engines.vault, engines.connections.as_ref()).await.map_err(|error| {
            Failure::failed("rotation", &error, "run it again; what was sealed stays readable")
        })?;
    let number = vault.current();
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "key_number": number, "resealed": resealed }))?;
    } else {
        context
            .output
            .line(&format!("encryption key {number} is in use; API keys sealed with it: {resealed}"))?;
    }
    Ok(Exit::Done)
}
