//! `profiles show`: the stored data of a person and of everything linked with the person; `profiles confirm-payout`.

mod show;

use clap::{Args, Subcommand};
use connections::ConnectionName;

pub(super) use self::show::show;
use super::{Context, confirm_payout};
use service::failure::{Exit, Failure};
use service::operator::profile::{self, Depth, Profile};
use service::operator::{Directory, Subject};
use service::output::Output;

const EXAMPLES: &str = "\
Examples:
  refersion-destination profiles show ann@example.org
  refersion-destination profiles show user-4711 --connection shop
  refersion-destination profiles show user-4711 --json
  refersion-destination profiles confirm-payout ann@example.org --connection shop --yes

It shows identifiers of people, and digests with --json. An anonymousId is kept as a digest; its beginning is shown.
To hand out the stored data of a person, use `export`.";

/// The arguments of `profiles`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show the profiles that are linked with an email address, userId or anonymousId
    #[command(after_help = EXAMPLES)]
    Show {
        /// The email address, userId or anonymousId
        #[arg(value_name = "EMAIL | USER ID")]
        subject: Subject,
        /// Only of this connection
        #[arg(long, value_name = "NAME")]
        connection: Option<ConnectionName>,
    },
    /// Send a payout field that is held back
    #[command(after_help = EXAMPLES)]
    ConfirmPayout {
        /// The email address or userId of the person who holds the affiliate now
        #[arg(value_name = "EMAIL | USER ID")]
        subject: Subject,
        /// The connection
        #[arg(long, value_name = "NAME")]
        connection: ConnectionName,
        /// Make the change; without this option it is only shown
        #[arg(long)]
        yes: bool,
    },
}

/// Carries out `profiles`.
///
/// # Errors
///
/// [`Failure`] if there is no such connection, or the ledger cannot be read.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let (subject, connection) = match arguments.act {
        Act::Show { subject, connection } => (subject, connection),
        Act::ConfirmPayout { subject, connection, yes } => {
            return confirm_payout::run(&subject, &connection, yes, context).await;
        }
    };
    let engines = context.engines().await?;
    let directory = Directory::read(&engines, connection.as_ref()).await?;
    let profiles = profile::find(&engines, &directory, &subject, Depth::Operator).await?;
    if context.output.is_json() {
        context.output.json(&profiles)?;
    } else if profiles.is_empty() {
        context.output.line("no data is kept for this email address or id")?;
    }
    if !context.output.is_json() {
        for profile in &profiles {
            show(profile, &mut context.output)?;
            held_payouts(profile, &subject, &mut context.output)?;
        }
    }
    Ok(Exit::Done)
}

/// The values that are held back, since when, and the command that ends it.
fn held_payouts(profile: &Profile, subject: &Subject, output: &mut Output) -> Result<(), Failure> {
    for affiliate in &profile.affiliates {
        let (Some(since), Some(id)) = (affiliate.payout_held_since, affiliate.id) else { continue };
        output.line(&format!(
            "\nthe payout field of affiliate {id} is held back since {since}: somebody other than its payee states it. If \
             that is right: refersion-destination profiles confirm-payout {} --connection {} --yes",
            subject.text(),
            profile.connection
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
