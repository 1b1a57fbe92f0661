//! `connections verify`: compares what Refersion lists with what was last sent.

use clap::Args;
use connections::ConnectionName;
use ledger::WalkRequest;

use super::walk::request_and_wait;
use service::Context;
use service::failure::{Exit, Failure};
use service::operator::directory::by_name;
use service::operator::drift::{DriftRow, Verification};
use service::operator::workers::Workers;
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
    /// Request it, and return at once
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(
    name: &ConnectionName,
    options: &Options,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    if !options.known {
        let (repair, max_calls) = (options.repair, options.calls);
        let request = WalkRequest { asked_at: engines.now(), verify: true, repair, max_calls };
        request_and_wait(&engines, &connection, request, options.no_wait, context).await?;
    }
    let workers = Workers::read(&engines, &context.loaded.config).await?;
    show(&Verification::read(&engines, &connection, &workers).await?, context)
}

fn show(report: &Verification, context: &mut Context) -> Result<Exit, Failure> {
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
    let cells = |row: &DriftRow| {
        let email = row.email.clone().unwrap_or_else(|| "-".to_owned());
        vec![row.affiliate_code.clone(), email, row.fields.join(" ")]
    };
    let rows: Vec<_> = report.drift.iter().map(cells).collect();
    context.output.table(&[whole("AFFILIATE"), cut("EMAIL"), whole("DIFFERS IN")], &rows)?;
    context.output.line("")?;
    context.output.line(&format!("{} differ; --repair sends again what differs", report.drift.len()))?;
    Ok(Exit::Done)
}
