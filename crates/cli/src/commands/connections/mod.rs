//! `connections`: the Refersion accounts that Segment sources deliver to.

mod addresses;
mod adopt;
mod change;
mod check;
mod key;
mod keys_in_use;
mod options;
mod secrets;
mod settings;
mod show;
mod verify;
mod walk;
mod webhooks;

use clap::{Args, Subcommand};
use connections::ConnectionName;

use key::{KeyOptions, SecretOptions};
use options::SettingOptions;
use service::Context;
use service::failure::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  refersion-destination connections add --name shop
  refersion-destination connections list
  refersion-destination connections check shop
  refersion-destination connections set shop --custom-field plan=1234
  refersion-destination connections pause shop

The API key is the one that Segment's settings page asks for: the public key, a dot, the secret key. It is read from a
prompt, from standard input or from REFERSION_DESTINATION_API_KEY, never from the command line.";

/// The arguments of `connections`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Add a connection
    #[command(after_help = change::ADD_EXAMPLES)]
    Add {
        /// Its name: up to 64 of the characters A-Z a-z 0-9 _ -
        #[arg(long, value_name = "NAME")]
        name: ConnectionName,
        #[command(flatten)]
        key: KeyOptions,
        #[command(flatten)]
        settings: SettingOptions,
        /// Print the connection's id alone
        #[arg(short, long)]
        quiet: bool,
    },
    /// List all connections
    #[command(after_help = show::EXAMPLES)]
    List,
    /// Show one connection with its settings
    #[command(after_help = show::EXAMPLES)]
    Show(Named),
    /// Ask Refersion whether the keys work
    #[command(after_help = show::EXAMPLES)]
    Check(Named),
    /// Walk through the affiliates that the account already has
    #[command(after_help = adopt::EXAMPLES)]
    Adopt {
        #[command(flatten)]
        named: Named,
        /// Request the walk, and return at once
        #[arg(long)]
        no_wait: bool,
    },
    /// Compare Refersion with the values that were last sent
    #[command(after_help = verify::EXAMPLES)]
    Verify {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        options: verify::Options,
    },
    /// Set the secret that Refersion signs webhooks with
    #[command(after_help = secrets::WEBHOOK_EXAMPLES)]
    SetWebhookSecret {
        #[command(flatten)]
        named: Named,
        /// Remove the secret; webhooks are then refused
        #[arg(long)]
        none: bool,
    },
    /// Change settings
    #[command(after_help = change::SET_EXAMPLES)]
    Set {
        #[command(flatten)]
        named: Named,
        /// Read a new API key from standard input, as `rotate-key` does
        #[arg(long)]
        api_key_stdin: bool,
        #[command(flatten)]
        secret: SecretOptions,
        #[command(flatten)]
        settings: SettingOptions,
        /// A trait to remove from the mapping; may be repeated
        #[arg(long = "no-custom-field", value_name = "TRAIT")]
        unmapped: Vec<String>,
        /// Print the connection's id alone
        #[arg(short, long)]
        quiet: bool,
    },
    /// Stop calls; events are still accepted, and kept
    #[command(after_help = change::STATE_EXAMPLES)]
    Pause(Named),
    /// Resume calls
    #[command(after_help = change::STATE_EXAMPLES)]
    Resume(Named),
    /// Set a new API key; the old one stays valid for 7 days
    #[command(after_help = secrets::KEY_EXAMPLES)]
    RotateKey {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        key: KeyOptions,
    },
    /// Create a new write key; the old one stays valid for 7 days
    #[command(after_help = secrets::WRITE_KEY_EXAMPLES)]
    RotateWriteKey(Named),
    /// Remove a connection with all its data
    #[command(after_help = change::REMOVE_EXAMPLES)]
    Remove {
        #[command(flatten)]
        named: Named,
        /// Confirm the removal
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct Named {
    /// The connection's name
    #[arg(value_name = "NAME")]
    name: ConnectionName,
}

/// Carries out `connections`.
///
/// # Errors
///
/// [`Failure`] of the subcommand.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match arguments.act {
        Act::Add { name, key, settings, quiet } => change::add(name, &key, &settings, quiet, context).await,
        Act::List => show::list(context).await,
        Act::Show(named) => show::one(&named.name, context).await,
        Act::Check(named) => check::run(&named.name, context).await,
        Act::Adopt { named, no_wait } => adopt::run(&named.name, no_wait, context).await,
        Act::Verify { named, options } => verify::run(&named.name, &options, context).await,
        Act::SetWebhookSecret { named, none } => {
            secrets::set_webhook_secret(&named.name, none, context).await
        }
        Act::Set { named, api_key_stdin, secret, settings, unmapped, quiet } => {
            let secrets = (&KeyOptions { api_key_stdin }, &secret);
            change::set(&named.name, secrets, (&settings, &unmapped), quiet, context).await
        }
        Act::Pause(named) => change::pause(&named.name, context).await,
        Act::Resume(named) => change::resume(&named.name, context).await,
        Act::RotateKey { named, key } => secrets::rotate_key(&named.name, &key, context).await,
        Act::RotateWriteKey(named) => secrets::rotate_write_key(&named.name, context).await,
        Act::Remove { named, yes } => change::remove(&named.name, yes, context).await,
    }
}
