//! `audit`: acts, and their actors.

mod row;

use clap::{Args, Subcommand};
use connections::ConnectionName;
use jiff::Timestamp;
use ledger::{AuditFilter, AuditSelector};

use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;

use self::row::{CSV_HEAD, Row, csv, show};

/// Lines that are shown unless `--limit` says otherwise.
const SHOWN: usize = 100;

/// Lines that are read at once for an export.
const AT_ONCE: usize = 1_000;

const EXAMPLES: &str = "\
Examples:
  refersion-destination audit
  refersion-destination audit list --connection shop --limit 20
  refersion-destination audit list actor:cli:root 'age:<7d' --json
  refersion-destination audit list result:denied --ndjson
  refersion-destination audit list 'at:>=2026-11-01' 'at:<2026-12-01' --csv > november.csv

The audit lists the actions of operators, at the command line and over the HTTP API, also those that failed or were
denied. It also lists changes that the worker made or noticed, other than ordinary edits: addresses that another person
took over, changed statuses, and affiliates that were found, deleted in Refersion or scrubbed. Newest lines come first.
The ledger refuses to change or delete a line. Lines contain ids only; `profiles show` shows the person of an id.

A selector is a list of terms, all of which must match: actor:NAME, action:WORD, connection:NAME, result:done (or
failed, denied), at:>=TIME, at:<TIME, age:<2d. Values with commas between them are alternatives.";

/// The arguments of `audit`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Option<Act>,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List lines; the same as `audit` alone
    #[command(after_help = EXAMPLES)]
    List(Wanted),
}

/// Which lines, and in which form.
#[derive(Debug, Args)]
struct Wanted {
    /// Terms, all of which must match, as actor:ann 'age:<7d'
    #[arg(value_name = "SELECTOR")]
    selector: Vec<String>,
    /// The same as connection:NAME
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionName>,
    /// The newest N only [default: 100; all for --ndjson and --csv]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The page that begins after this line
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
    /// One JSON object a line, all lines
    #[arg(long, conflicts_with = "csv")]
    ndjson: bool,
    /// Comma-separated values with a head, all lines
    #[arg(long)]
    csv: bool,
}

/// Shows the newest lines.
///
/// # Errors
///
/// [`Failure`] if there is no such connection, or the ledger cannot be read.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let wanted = match arguments.act {
        Some(Act::List(wanted)) => wanted,
        None => arguments.wanted,
    };
    let engines = context.engines().await?;
    let directory = Directory::read(&engines, None).await?;
    let (selector, filter) = filter(&wanted, &engines, &directory).await?;
    if wanted.ndjson || wanted.csv {
        return export(&engines, &directory, filter, (wanted.csv, wanted.limit), context).await;
    }
    let filter = AuditFilter { limit: wanted.limit.unwrap_or(SHOWN), ..filter };
    let rows = rows(&engines, &directory, &filter).await?;
    if context.output.is_json() {
        context.output.json(&rows)?;
        return Ok(Exit::Done);
    }
    if !selector.is_empty() {
        context.output.line(&format!("selector: {selector}"))?;
    }
    show(&rows, engines.now(), &mut context.output)?;
    let total = engines.operators.count_audit_lines(&filter).await?;
    context.output.total(rows.len(), total, "lines")?;
    if let Some(last) = rows.last().filter(|_| rows.len() == filter.limit) {
        context.output.line(&format!("the next page: --after {}", last.id))?;
    }
    Ok(Exit::Done)
}

/// The selector as it was understood, and the filter that it makes.
async fn filter(
    wanted: &Wanted,
    engines: &Engines,
    directory: &Directory,
) -> Result<(String, AuditFilter), Failure> {
    let selector = AuditSelector::parse(&wanted.selector.join(" "), engines.now()).map_err(|error| {
        Failure::usage("selector", error.to_string(), "`audit list --help` shows every key with an example")
    })?;
    let selector = match &wanted.connection {
        Some(name) => selector.of_connection(name.to_string()),
        None => selector,
    };
    let mut filter = selector.filter(|name| directory.id_of(name))?;
    if let Some(id) = wanted.after {
        filter.after = Some(place_of(engines, id).await?);
    }
    Ok((selector.to_string(), filter))
}

/// The place in a list after which the next page begins.
async fn place_of(engines: &Engines, id: i64) -> Result<(Timestamp, i64), Failure> {
    let found = engines.operators.audit_line(id).await?;
    let line = found.ok_or_else(|| {
        let message = format!("there is no line {id} in the audit");
        Failure::refused("no_such_line", message, "`audit list --json` shows their ids")
    })?;
    Ok((line.entry.at, line.id))
}

async fn rows(engines: &Engines, directory: &Directory, filter: &AuditFilter) -> Result<Vec<Row>, Failure> {
    let lines = engines.operators.audit_lines(filter).await?;
    Ok(lines.into_iter().map(|line| Row::of(line.id, line.entry, directory)).collect())
}

/// Every line, page by page.
async fn export(
    engines: &Engines,
    directory: &Directory,
    mut filter: AuditFilter,
    (is_csv, limit): (bool, Option<usize>),
    context: &mut Context,
) -> Result<Exit, Failure> {
    if is_csv {
        context.output.line(CSV_HEAD)?;
    }
    let mut left = limit.unwrap_or(usize::MAX);
    while left > 0 {
        filter.limit = left.min(AT_ONCE);
        let page = rows(engines, directory, &filter).await?;
        for row in &page {
            match is_csv {
                true => context.output.line(&csv(row))?,
                false => context.output.json(row)?,
            }
        }
        left -= page.len();
        match page.last() {
            Some(last) if page.len() == filter.limit => filter.after = Some((last.at, last.id)),
            _ => break,
        }
    }
    Ok(Exit::Done)
}
