//! `connections verify`: compares what Refersion lists with what was last sent.

use std::collections::BTreeMap;

use clap::Args;
use connections::{Connection, ConnectionName};
use identity::Digest;
use jiff::Timestamp;
use ledger::directory::MAX_DRIFT;
use ledger::{Drift, WalkRequest};
use serde::Serialize;
use worker::translate::open;

use super::walk::ask_and_wait;
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::adoption::Adoption;
use service::operator::directory::by_name;
use service::output::{cut, whole};

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination connections verify shop
  refersion-destination connections verify shop --calls 100
  refersion-destination connections verify shop --repair
  refersion-destination connections verify shop --known --json

The worker walks through Refersion's list, 100 affiliates a call, while nothing else is due. It compares names,
addresses, the status of affiliates that a delete disabled, and those custom fields whose ids a webhook has named.
Refersion shows no other fields. --repair sends again what differs.";

/// The options of `verify`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Upper limit of calls
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
    /// Send again what differs
    #[arg(long)]
    repair: bool,
    /// Show what is known already, without a call
    #[arg(long, conflicts_with_all = ["calls", "repair", "no_wait"])]
    known: bool,
    /// Ask for it, and do not wait until it is done
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    connection: String,
    adoption: Adoption,
    /// Affiliates of ours that the last comparison met; null: there was none.
    compared: Option<u64>,
    drift: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    affiliate_code: String,
    /// The address that was sent, masked; null: it was erased, or is not known any more.
    email: Option<String>,
    fields: Vec<String>,
    found_at: Timestamp,
}

pub(super) async fn run(
    name: &ConnectionName,
    options: &Options,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let adoption = match options.known {
        true => {
            let workers = service::operator::workers::Workers::read(&engines, &context.loaded.config).await?;
            Adoption::read(&engines, &connection, &workers).await?
        }
        false => {
            let (repair, max_calls) = (options.repair, options.calls);
            let request = WalkRequest { asked_at: engines.now(), verify: true, repair, max_calls };
            ask_and_wait(&engines, &connection, request, options.no_wait, context).await?
        }
    };
    let finished = engines.ledger.directory(connection.id).await?.finished;
    let compared = finished.filter(|finished| finished.walk.request.verify).map(|it| it.walk.compared);
    let drift = engines.ledger.drift(connection.id, MAX_DRIFT).await?;
    let drift = rows(&engines, &connection, drift).await?;
    show(&Report { connection: name.to_string(), adoption, compared, drift }, context)
}

async fn rows(engines: &Engines, connection: &Connection, drift: Vec<Drift>) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::with_capacity(drift.len());
    for piece in drift.chunks(100) {
        let addresses: Vec<Digest> = piece.iter().filter_map(|drift| drift.address).collect();
        let gathered = engines.ledger.gather(connection.id, &addresses, &[]).await?;
        let named = gathered.graphs.iter().flat_map(|read| &read.graph.identifiers);
        let named = named.filter_map(|(digest, it)| {
            Some((*digest, open(&engines.vault, *digest, it.sealed.as_deref()?)?))
        });
        let named: BTreeMap<Digest, String> = named.collect();
        rows.extend(piece.iter().map(|drift| Row {
            affiliate_code: drift.code.clone(),
            email: drift.address.and_then(|address| named.get(&address)).map(|email| masked(email)),
            fields: drift.fields.clone(),
            found_at: drift.found_at,
        }));
    }
    Ok(rows)
}

/// The first letter of an address and its domain.
fn masked(email: &str) -> String {
    let (name, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}***@{domain}")
}

fn show(report: &Report, context: &mut Context) -> Result<Exit, Failure> {
    if context.output.is_json() {
        context.output.json(report)?;
        return Ok(Exit::Done);
    }
    let compared = report.compared.map_or_else(String::new, |compared| format!("; {compared} were compared"));
    context.output.line(&format!("{}: {}{compared}", report.connection, report.adoption.in_words()))?;
    if report.drift.is_empty() {
        context.output.line("no affiliate is known to differ from what it was sent")?;
        return Ok(Exit::Done);
    }
    let cells = |row: &Row| {
        let email = row.email.clone().unwrap_or_else(|| "-".to_owned());
        vec![row.affiliate_code.clone(), email, row.fields.join(" ")]
    };
    let rows: Vec<_> = report.drift.iter().map(cells).collect();
    context.output.table(&[whole("AFFILIATE"), cut("EMAIL"), whole("DIFFERS IN")], &rows)?;
    context.output.line("")?;
    context.output.line(&format!("{} differ; --repair sends again what differs", report.drift.len()))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn an_address_is_masked_but_for_its_first_letter_and_its_domain() {
        assert_eq!(masked("ann@x.test"), "a***@x.test");
        assert_eq!(masked("nobody"), "n***@");
    }
}
