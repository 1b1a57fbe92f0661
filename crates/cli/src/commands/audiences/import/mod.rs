//! `audiences export NAME --for-import`: members who could be affiliates and are not yet, in the form that Refersion's staff import.
//!
//! With a ceiling of 5 calls a second, 100,000 creates take 5.6 hours; an import takes none of them.
//! Source of the columns: Refersion's help page "How Do I Bulk Upload Affiliates?" (1232447).

mod csv;
mod people;
mod target;

use std::collections::BTreeMap;

use connections::{Connection, State};
use identity::eligibility::{CUSTOM, Rules};
use identity::{Digest, Graph};
use ledger::{Audit, Changes};
use refersion::password::generate;
use serde::Serialize;
use worker::rules::rules;
use worker::translate::open;

use super::{One, find};
use people::{Importable, concerns, members_of};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::audit;
use service::output::counted;
use target::Target;

/// Graphs that are read at once.
const PAGE: usize = 200;

/// The name of the act in the audit.
const EXPORTED: &str = "audience_exported";

/// An order to export: the members, and the file.
pub(super) struct Order<'a> {
    pub(super) one: &'a One,
    /// The file, or `-`.
    pub(super) to: &'a str,
    pub(super) offer: Option<&'a str>,
}

/// The result. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Default, Serialize)]
struct Exported {
    connection: String,
    audience: String,
    file: String,
    offer: String,
    /// Persons in the file.
    persons: u64,
    /// Whether the connection was paused, so that no affiliate is created meanwhile.
    paused: bool,
    /// Members that are not in it, by reason.
    left_out: BTreeMap<String, u64>,
}

/// Writes the file.
///
/// # Errors
///
/// [`Failure`] if there is no such audience, no offer is known, or the file or the ledger cannot be used.
pub(super) async fn run(
    order: &Order<'_>,
    engines: &Engines,
    context: &mut Context,
) -> Result<Exit, Failure> {
    if order.to == target::STDOUT && context.output.is_json() {
        let hint = "name a file, or leave --json out";
        return Err(Failure::refused(
            "two_outputs",
            "standard output cannot take CSV and JSON".to_owned(),
            hint,
        ));
    }
    let (connection, counts) = find(order.one, engines).await?;
    let offer = offer(order, &connection)?;
    note(engines, &connection, counts.audience.id).await?;
    let mut exported = Exported {
        connection: connection.name.to_string(),
        audience: counts.audience.named.name,
        file: order.to.to_owned(),
        offer,
        paused: matches!(connection.state, State::Paused(_)),
        ..Exported::default()
    };
    let mut target = Target::create(order.to)?;
    let key = format!("{CUSTOM}{}", counts.audience.named.key);
    match write(engines, &connection, &key, &mut target, &mut exported).await {
        Ok(()) => target.finish()?,
        Err(failure) => {
            target.discard();
            return Err(failure);
        }
    }
    report(&exported, context)?;
    Ok(Exit::Done)
}

/// The offer that was given, or that of the settings, which are validated when they are set.
fn offer(order: &Order<'_>, connection: &Connection) -> Result<String, Failure> {
    let offer = order.offer.or(connection.settings.offer.as_deref());
    offer.map(str::to_owned).ok_or_else(|| {
        let message = "the import needs the number of an offer".to_owned();
        Failure::refused("no_offer", message, "give it with --offer, as Refersion's dashboard shows it")
    })
}

/// Records the export of personal data in the audit, before anything is handed out.
async fn note(engines: &Engines, connection: &Connection, audience: u64) -> Result<(), Failure> {
    let line = Audit {
        at: engines.now(),
        actor: audit::cli(),
        action: EXPORTED.to_owned(),
        subject: format!("audience {audience}, members without an affiliate"),
    };
    let changes =
        Changes { connection: connection.id, now: engines.now(), audit: vec![line], ..Changes::default() };
    Ok(engines.ledger.record(changes).await?)
}

async fn write(
    engines: &Engines,
    connection: &Connection,
    key: &str,
    target: &mut Target,
    exported: &mut Exported,
) -> Result<(), Failure> {
    let rules: Rules = rules(&connection.settings);
    let unseal = |digest, sealed: &str| open(&engines.vault, digest, sealed);
    target.write(&csv::header())?;
    let mut after = 0;
    loop {
        let page = engines.ledger.walk(connection.id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.row.id;
        let graphs: Vec<&Graph> =
            page.iter().map(|read| &read.graph).filter(|graph| concerns(graph, key)).collect();
        let addresses: Vec<Digest> =
            graphs.iter().flat_map(|graph| graph.identifiers.keys().copied()).collect();
        let listed = engines.ledger.look_up(connection.id, &addresses).await?.listed;
        for member in graphs.into_iter().flat_map(|graph| members_of(graph, &rules, key, &listed, unseal)) {
            match member {
                Ok(person) => {
                    target.write(&line(&person, &exported.offer))?;
                    exported.persons += 1;
                }
                Err(reason) => *exported.left_out.entry(reason).or_default() += 1,
            }
        }
    }
}

/// The password is made for this line alone. It is not kept: an affiliate sets another one by Refersion's password reset.
#[expect(clippy::disallowed_methods, reason = "no test needs to know a password")]
fn line(person: &Importable, offer: &str) -> String {
    csv::row(person, offer, generate(&mut rand::rng()).expose())
}

fn report(exported: &Exported, context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(exported);
    }
    let Exported { connection, audience, file, persons, .. } = exported;
    let is_or_are = if *persons == 1 { "is" } else { "are" };
    let place = if file == target::STDOUT { "the output" } else { file };
    let mut lines = vec![format!(
        "{} of {audience} without an affiliate {is_or_are} in {place}.",
        counted(*persons, "member")
    )];
    let left_out = exported.left_out.iter();
    lines.extend(left_out.map(|(reason, members)| format!("  left out: {members:>8}  {reason}")));
    if *persons > 0 {
        let worker = match exported.paused {
            true => format!(
                "Keep the connection paused until then. After that, `connections resume {connection}` and `connections adopt \
                 {connection}` find them."
            ),
            false => format!(
                "Then run `connections adopt {connection}` to find them. The connection is not paused, so the worker continues to \
                 create the same people one by one: run `connections pause {connection}` and, a few seconds later, this command again."
            ),
        };
        lines.push(format!(
            "\nNext: send the file to Refersion. Its staff import it (Growth or Scale plan), and you approve the new affiliates. \
             {worker} Delete the file afterwards: it contains personal data."
        ));
    }
    match file == target::STDOUT {
        true => target::beside_stdout(&lines),
        false => lines.iter().try_for_each(|line| context.output.line(line))?,
    }
    Ok(())
}
