//! `profiles show`: what is kept of a person and of all that hangs together with them; `profiles confirm-payout`.

use clap::{Args, Subcommand};
use connections::ConnectionName;

use super::{Context, confirm_payout};
use crate::failure::{Exit, Failure};
use crate::operator::profile::{self, Depth, Profile};
use crate::operator::{Directory, Subject};
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  refersion-destination profiles show ann@example.org
  refersion-destination profiles show user-4711 --connection shop
  refersion-destination profiles show user-4711 --json
  refersion-destination profiles confirm-payout ann@example.org --connection shop --yes

Identifiers are shown as the beginning of their digests. To hand out what is kept about a person, see `export`.";

/// The arguments of `profiles`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show the profiles that hang together with an email address, userId or anonymousId
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
        /// Do it; without this it only says what would change
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
        context.output.line("nothing is kept under this name")?;
    }
    if !context.output.is_json() {
        for profile in &profiles {
            show(profile, &mut context.output)?;
            held_payouts(profile, &subject, &mut context.output)?;
        }
    }
    Ok(Exit::Done)
}

fn show(profile: &Profile, output: &mut Output) -> Result<(), Failure> {
    output.line(&format!("connection {}", profile.connection))?;
    identifiers(profile, output)?;
    traits(profile, output)?;
    links(profile, output)?;
    persons(profile, output)?;
    affiliates(profile, output)
}

/// What is held back, since when, and the command that ends it.
fn held_payouts(profile: &Profile, subject: &Subject, output: &mut Output) -> Result<(), Failure> {
    for affiliate in &profile.affiliates {
        let (Some(since), Some(id)) = (affiliate.payout_held_since, affiliate.id) else { continue };
        output.line(&format!(
            "\nthe payout field of affiliate {id} is held back since {since}: somebody else than its payee states it. If \
             that is right: refersion-destination profiles confirm-payout {} --connection {} --yes",
            subject.text(),
            profile.connection
        ))?;
    }
    Ok(())
}

/// A table under a title; nothing where it is empty.
fn section(
    title: &str,
    head: &[&'static str],
    rows: &[Vec<String>],
    output: &mut Output,
) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    output.line(&format!("\n{title}"))?;
    output.table(head, rows)
}

fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn identifiers(profile: &Profile, output: &mut Output) -> Result<(), Failure> {
    let cells = |it: &profile::IdentifierRow| {
        let kind = format!("{:?}", it.kind).to_lowercase();
        let times = [text(it.said_at.as_ref()), text(it.deleted_at.as_ref()), text(it.searched_at.as_ref())];
        let mut cells = vec![kind, it.digest.clone()];
        cells.extend(times);
        cells.extend([text(it.refused.as_ref()), text(it.waits_for.as_ref())]);
        cells
    };
    let rows: Vec<_> = profile.identifiers.iter().map(cells).collect();
    let head = ["KIND", "DIGEST", "LAST NAMED", "DELETED", "SEARCHED", "REFUSED", "WAITS FOR"];
    section("identifiers", &head, &rows, output)
}

fn traits(profile: &Profile, output: &mut Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for identifier in &profile.identifiers {
        rows.extend(identifier.traits.iter().map(|it| {
            vec![
                identifier.digest.clone(),
                it.name.clone(),
                it.value.clone().unwrap_or_else(|| "(cleared)".to_owned()),
                it.said_at.to_string(),
                it.field.clone().unwrap_or_else(|| "(none)".to_owned()),
                text(it.refused.as_ref()),
            ]
        }));
    }
    section("traits", &["DIGEST", "TRAIT", "VALUE", "SAID AT", "FIELD", "REFUSED"], &rows, output)
}

fn links(profile: &Profile, output: &mut Output) -> Result<(), Failure> {
    let claim = |it: &profile::ClaimRow| {
        let (first, last) = (text(it.first.as_ref()), text(it.last.as_ref()));
        vec!["claims".to_owned(), it.user.clone(), it.address.clone(), first, last]
    };
    let sighting = |it: &profile::SightingRow| {
        let (first, last) = (it.first.to_string(), it.last.to_string());
        vec!["seen with".to_owned(), it.anonymous.clone(), it.with.clone(), first, last]
    };
    let rows: Vec<_> =
        profile.claims.iter().map(claim).chain(profile.sightings.iter().map(sighting)).collect();
    section("how they hang together", &["LINK", "FROM", "TO", "FIRST", "LAST"], &rows, output)
}

fn persons(profile: &Profile, output: &mut Output) -> Result<(), Failure> {
    let cells = |it: &profile::PersonRow| {
        vec![
            it.root.clone(),
            it.address.clone(),
            it.identifiers.join(" "),
            text(it.affiliate_id.as_ref()),
            it.differs.join("; "),
            text(it.waits_for.as_ref()),
        ]
    };
    let rows: Vec<_> = profile.persons.iter().map(cells).collect();
    let head = ["ROOT", "ADDRESS", "PROFILES", "AFFILIATE", "TO BE TOLD", "WAITS FOR"];
    section("persons", &head, &rows, output)
}

fn affiliates(profile: &Profile, output: &mut Output) -> Result<(), Failure> {
    let cells = |it: &profile::AffiliateRow| {
        let marks = [
            (it.left_over, "left over"),
            (it.found, "there before us"),
            (it.disabled_by_us, "disabled by a delete"),
            (it.gone, "gone"),
            (it.payout_held_since.is_some(), "payout held back"),
        ];
        let marks: Vec<_> = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        let mut delivered: Vec<_> = it.delivered.iter().map(|(k, v)| format!("{k}={v}")).collect();
        delivered.extend(it.unknown.iter().map(|field| format!("{field} (not known)")));
        let status = it.status.map(|status| format!("{status:?}").to_uppercase());
        vec![
            text(it.id.as_ref()),
            text(it.code.as_ref()),
            text(status.as_ref()),
            it.address.clone(),
            text(it.payee.as_ref()),
            marks.join(", "),
            delivered.join(", "),
        ]
    };
    let rows: Vec<_> = profile.affiliates.iter().map(cells).collect();
    section("affiliates", &["ID", "CODE", "STATUS", "ADDRESS", "PAYEE", "", "DELIVERED"], &rows, output)
}
