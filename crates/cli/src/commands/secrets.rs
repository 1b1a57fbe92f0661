//! `secrets create` makes the master key's file; `secrets rotate` moves on to a new encryption key.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use connections::vault::KeyFileError;
use connections::{MasterKey, OsRandomness, keys};

use service::Context;
use service::config::{Config, LedgerUrl};
use service::engines::EngineError;
use service::engines::master_key::make_folder;
use service::engines::presence::Presence;
use service::failure::{Exit, Failure};
use service::operator::audit;

const EXAMPLES: &str = "\
Examples:
  refersion-destination secrets create /etc/refersion-destination/master.key
  refersion-destination secrets rotate
  refersion-destination secrets rotate --config production.toml

Every other key is derived from the master key. A ledger in a file gets a master key at the first start; for a ledger
on Postgres, create one and give it to every process.";

const CREATE_EXAMPLES: &str = "\
Examples:
  refersion-destination secrets create /etc/refersion-destination/master.key
  REFERSION_DESTINATION__SECRETS__KEY_FILE=/keys/master.key refersion-destination secrets create
  refersion-destination secrets create /keys/master.key --if-missing

It creates a file with 32 random bytes in base64 that only its owner may read, and never replaces a file. Without FILE
it uses the path in secrets.key_file. Give every process the same key: the file by secrets.key_file, or its text by
REFERSION_DESTINATION__SECRETS__KEY. Back the key up, apart from the ledger: without it the ledger cannot be read.";

const ROTATE_EXAMPLES: &str = "\
Examples:
  refersion-destination secrets rotate
  refersion-destination secrets rotate --config production.toml
  refersion-destination secrets rotate --json

It seals every API key and every shared secret in the ledger with a new encryption key. The new key is derived from the
same master key: nothing has to be backed up again. Other processes may run meanwhile; they seal with the new key after
their next start. If it was interrupted, run it again.";

/// The arguments of `secrets`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Create a file with a new master key, for a new ledger
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// The file [default: the path in secrets.key_file]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Do nothing if the file has a key
        #[arg(long)]
        if_missing: bool,
    },
    /// Seal every API key and shared secret with a new encryption key
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate,
}

/// Carries out `secrets`.
///
/// # Errors
///
/// [`Failure`] if the key file is there or cannot be made, the ledger cannot be written, or a key in it does not open.
pub async fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match &arguments.act {
        Act::Create { file, if_missing } => create(file.clone(), *if_missing, context),
        Act::Rotate => rotate(context).await,
    }
}

fn create(file: Option<PathBuf>, if_missing: bool, context: &mut Context) -> Result<Exit, Failure> {
    let config = &context.loaded.config;
    let path = file.or_else(|| config.key_file()).ok_or_else(|| {
        let hint = "name a file: `secrets create FILE`, or set secrets.key_file";
        Failure::usage("usage", "no file is given for the master key", hint)
    })?;
    refuse_beside_its_ledger(config, &path)?;
    let made = make_folder(&path).and_then(|()| MasterKey::create_file(&path, &OsRandomness).map(drop));
    let made = match made {
        Err(KeyFileError::Exists(_)) if if_missing => {
            MasterKey::read_file(&path).map_err(EngineError::from)?;
            false
        }
        Err(error @ KeyFileError::Exists(_)) => {
            let hint = "name another file, or use the existing key; --if-missing accepts it";
            return Err(Failure::failed("master_key", &error, hint));
        }
        made => {
            made.map_err(EngineError::from)?;
            true
        }
    };
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "key_file": path, "made": made }))?;
    } else if made {
        let shown = path.display();
        context.output.line(&format!("made {shown}: back it up, apart from the ledger"))?;
    } else {
        context.output.line(&format!("{} is there already, with a master key in it", path.display()))?;
    }
    Ok(Exit::Done)
}

/// A ledger that exists was created with another key: a new key beside it would only hide the loss.
fn refuse_beside_its_ledger(config: &Config, path: &Path) -> Result<(), Failure> {
    match &config.ledger.url {
        LedgerUrl::Sqlite(ledger)
            if config.key_file().as_deref() == Some(path)
                && Presence::of(ledger) != Presence::Missing
                && Presence::of_readable(path) == Presence::Missing =>
        {
            Err(EngineError::KeyLost { path: path.to_owned(), ledger: ledger.clone() }.into())
        }
        _ => Ok(()),
    }
}

async fn rotate(context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let (vault, resealed) =
        keys::rotate(&engines.vault, engines.connections.as_ref(), engines.shared_secrets.as_ref())
            .await
            .map_err(|error| {
                Failure::failed("rotation", &error, "run it again; keys that were sealed stay readable")
            })?;
    for secret in engines.ledger.webhook_secrets(None).await? {
        let sealed = vault.open_secret(&secret).map(|open| vault.seal_secret(secret.connection, &open));
        let sealed =
            sealed.map_err(|error| Failure::failed("rotation", &error, "set the webhook secret again"))?;
        engines.ledger.set_webhook_secret(&sealed).await?;
    }
    let number = vault.current();
    audit::note(&engines, &audit::cli(), "encryption_key_rotated", format!("encryption key {number}"))
        .await?;
    if context.output.is_json() {
        context.output.json(&serde_json::json!({
            "key_number": number,
            "resealed": resealed.api_keys,
            "resealed_shared_secrets": resealed.shared_secrets,
        }))?;
    } else {
        context.output.line(&format!(
            "encryption key {number} is in use; sealed with it: API keys: {}, shared secrets: {}",
            resealed.api_keys, resealed.shared_secrets
        ))?;
    }
    Ok(Exit::Done)
}
