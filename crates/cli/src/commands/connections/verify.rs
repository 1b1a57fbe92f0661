//! `connections verify`: compares Refersion's list with the values that were last sent.

use clap::Args;
use connections::ConnectionName;
use jiff::Timestamp;
use ledger::WalkRequest;

use super::walk::wait_for_walk;
use service::Context;
use service::failure::{Exit, Failure};
use service::operator::adoption::request_walk_for;
use service::operator::audit;
use service::operator::directory::by_name;
use service::operator::drift::{DriftRow, Verification};
use service::operator::workers::Workers;
use service::output::{age, counted, cut, whole};

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination connections verify shop
  refersion-destination connections verify shop --calls 100
  refersion-destination connections verify shop --repair
  refersion-destination connections verify shop --known --json

The worker walks through Refersion's list, 100 affiliates a call, while nothing else is due. It compares affiliates of
known persons: names, addresses, the status of affiliates that a delete disabled, and the custom fields whose ids a
webhook has named. Refersion shows no other fields. --repair sends differing values again.";

/// The options of `verify`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Upper limit of calls
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
    /// Send differing values again
    #[arg(long)]
    repair: bool,
    /// Show the known differences, without a call
    #[arg(long, conflicts_with_all = ["calls", "repair", "no_wait"])]
    known: bool,
    /// Request the comparison, and return at once
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
        let asked_at = engines.now();
        let request = WalkRequest { asked_at, verify: true, repair, max_calls };
        if !context.output.is_json() && engines.ledger.directory(connection.id).await?.walk.is_some() {
            context.output.line("a walk is under way: the comparison begins after it")?;
        }
        request_walk_for(&engines, &audit::cli(), &connection, request, None).await?;
        wait_for_walk(&engines, &connection, asked_at, options.no_wait, context).await?;
    }
    let workers = Workers::read(&engines, &context.loaded.config).await?;
    show(&Verification::read(&engines, &connection, &workers).await?, engines.now(), context)
}

fn show(report: &Verification, now: Timestamp, context: &mut Context) -> Result<Exit, Failure> {
    if context.output.is_json() {
        context.output.json(report)?;
        return Ok(Exit::Done);
    }
    context.output.line(&format!("{}: {}", report.connection, report.adoption.in_words()))?;
    context.output.line(&last_comparison(report, now))?;
    if report.drift.is_empty() {
        return Ok(Exit::Done);
    }
    let cells = |row: &DriftRow| {
        let email = row.email.clone().unwrap_or_else(|| "-".to_owned());
        vec![row.affiliate_code.clone(), email, row.fields.join(" ")]
    };
    let rows: Vec<_> = report.drift.iter().map(cells).collect();
    context.output.table(&[whole("AFFILIATE"), cut("EMAIL"), whole("DIFFERS IN")], &rows)?;
    context.output.line("")?;
    let differ = if report.drift.len() == 1 { "differs" } else { "differ" };
    context
        .output
        .line(&format!("{} {differ}; --repair sends differing values again", report.drift.len()))?;
    Ok(Exit::Done)
}

/// The last comparison, in words.
fn last_comparison(report: &Verification, now: Timestamp) -> String {
    let Some((compared, at)) = report.compared.zip(report.compared_at) else {
        return "no comparison has been made yet".to_owned();
    };
    let mut last =
        format!("last comparison: {} ago, {} compared", age(at, now), counted(compared, "affiliate"));
    if report.repaired {
        let differed = report.differed.unwrap_or_default();
        last.push_str(&format!("; {differed} differed, and the differing values are sent again"));
    }
    if report.drift.is_empty() { format!("{last}; none is known to differ now") } else { last }
}
