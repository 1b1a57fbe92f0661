//! `export`: all data that is stored about a person, as JSON.

use clap::Args;
use connections::ConnectionName;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::events::{EventRow, Found, find_by};
use service::operator::profile::{self, Depth, Profile};
use service::operator::{Directory, Subject, audit};

/// Upper limit of events that are exported of one person: more than Engage sends to a person within the retention period.
const EVENTS: usize = 100_000;

const EXAMPLES: &str = "\
Examples:
  refersion-destination export ann@example.org > ann.json
  refersion-destination export user-4711 --connection shop
  refersion-destination export user-4711 --config production.toml

Identifiers of other people who are linked with the person are left out. Refersion has data of its own, which its
dashboard exports.";

/// The arguments of `export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The email address or userId
    #[arg(value_name = "EMAIL | USER ID")]
    subject: Subject,
    /// Only of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionName>,
}

#[derive(Debug, Serialize)]
struct Exported<'a> {
    subject: &'a str,
    exported_at: Timestamp,
    /// False if the queue held more than was looked at.
    complete: bool,
    profiles: Vec<Profile>,
    events: Vec<ExportedEvent>,
}

#[derive(Debug, Serialize)]
struct ExportedEvent {
    #[serde(flatten)]
    event: EventRow,
    /// The event as it came, while it is kept.
    payload: Option<Box<RawValue>>,
    /// What operators have made of it, oldest first, while it is kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repairs: Vec<Box<RawValue>>,
}

/// Prints the export; JSON with or without `--json`.
///
/// # Errors
///
/// [`Failure`] if there is no such connection, or the queue or the ledger cannot be read.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let Arguments { subject, connection } = arguments;
    let engines = context.engines().await?;
    let directory = Directory::read(&engines, connection.as_ref()).await?;
    let profiles = profile::find(&engines, &directory, &subject, Depth::Person).await?;
    let mut digests: Vec<_> =
        directory.all().flat_map(|connection| subject.digests(&engines, connection.id)).collect();
    digests.extend(profiles.iter().flat_map(|profile| profile.digests.iter().copied()));
    let found = find_by(&engines, &directory, &digests, EVENTS, 0).await?;
    let complete = found.complete;
    let events = with_payloads(&engines, found).await?;
    let exported =
        Exported { subject: subject.text(), exported_at: engines.now(), complete, profiles, events };
    // The entry has no name of the person: the audit is kept for good.
    let subject = format!("a person with {} events", exported.events.len());
    audit::note(&engines, &audit::cli(), "person_exported", subject).await?;
    context.output.json(&exported)?;
    Ok(Exit::Done)
}

async fn with_payloads(engines: &Engines, found: Found) -> Result<Vec<ExportedEvent>, Failure> {
    let mut queued = found.queued;
    let mut exported = Vec::with_capacity(found.events.len());
    for event in found.events {
        let kept = engines.ledger.payloads(event.event_id).await?;
        let mut kept = kept.into_iter().filter_map(|text| RawValue::from_string(text).ok());
        let original = kept.next();
        let payload = queued.remove(&event.event_id).or(original);
        exported.push(ExportedEvent { event, payload, repairs: kept.collect() });
    }
    Ok(exported)
}
