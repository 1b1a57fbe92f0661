//! `faults`: runs the fault suite and prints its table.

#![expect(clippy::disallowed_methods, reason = "a program takes its seed from the clock")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use faults::neighbours;
use faults::row::{LONG, Row, SHORT};
use faults::row_engines::Pair;
use faults::suite::{Plan, run};
use faults::table::{breaches, table};

/// Rows at the same time, unless times are measured.
const SIDE_BY_SIDE: usize = 4;

/// Kills, disconnects and slows down real processes while events flow, and checks that every promise is kept.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seed of messages and strikes; without it, a random one is used and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Run only rows whose name contains this; may be given several times.
    #[arg(long, value_name = "FAULT")]
    only: Vec<String>,
    /// Run the rows about neighbours instead: the effects on one connection while another one misbehaves.
    #[arg(long)]
    neighbours: bool,
    /// Many strikes in each row; about half an hour.
    #[arg(long, conflicts_with = "short")]
    long: bool,
    /// A few strikes in each row; about five minutes. The default.
    #[arg(long)]
    short: bool,
    /// The engines.
    #[arg(long, value_enum, default_value = "sqlite")]
    engines: Pair,
    /// Number of rows that run at the same time: 4 unless given, 1 for the long form of the rows about neighbours, which measure times.
    #[arg(long, value_name = "ROWS")]
    side_by_side: Option<usize>,
    /// The program under test; without it, `program-under-test` beside this one.
    #[arg(long)]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| jiff::Timestamp::now().as_microsecond().unsigned_abs());
    let program = match arguments.program.take() {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("program-under-test"),
    };
    anyhow::ensure!(
        program.exists(),
        "there is no {}: build the binaries of the crate faults first",
        program.display()
    );
    let mut out = std::io::stdout();
    writeln!(out, "seed {seed}")?;
    let (table, broken) = if arguments.neighbours {
        run_neighbours(arguments, program, seed).await?
    } else {
        run_faults(arguments, program, seed).await?
    };
    writeln!(out, "\n{table}")?;
    if broken.is_empty() {
        writeln!(out, "every promise was kept (seed {seed})")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{broken}\nreplay with --seed {seed}")?;
    Ok(ExitCode::FAILURE)
}

/// The table, and the broken promises.
async fn run_faults(arguments: Arguments, program: PathBuf, seed: u64) -> anyhow::Result<(String, String)> {
    let plan = Plan {
        seed,
        only: arguments.only,
        length: if arguments.long { LONG } else { SHORT },
        pair: arguments.engines,
        program,
        side_by_side: arguments.side_by_side.unwrap_or(SIDE_BY_SIDE).max(1),
    };
    let rows = run(&plan, report).await?;
    Ok((table(&rows), breaches(&rows)))
}

/// The same for the rows about neighbours.
async fn run_neighbours(
    arguments: Arguments,
    program: PathBuf,
    seed: u64,
) -> anyhow::Result<(String, String)> {
    let length = if arguments.long { neighbours::run::LONG } else { neighbours::run::SHORT };
    let side_by_side = if length.is_timed { 1 } else { SIDE_BY_SIDE };
    let plan = neighbours::suite::Plan {
        seed,
        only: arguments.only,
        length,
        pair: arguments.engines,
        program,
        side_by_side: arguments.side_by_side.unwrap_or(side_by_side).max(1),
    };
    let reports = neighbours::suite::run(&plan, |report| {
        print_progress(report.row, report.breaches.is_empty(), report.took);
    });
    let reports = reports.await?;
    Ok((neighbours::table::table(&reports), neighbours::table::breaches(&reports)))
}

/// Prints one line for each row that has ended.
fn report(row: &Row) {
    print_progress(row.fault, row.proof.breaches.is_empty(), row.took);
}

fn print_progress(row: &str, is_kept: bool, took: Duration) {
    let result = if is_kept { "kept" } else { "BROKEN" };
    let text = format!("{result:>6}  {row} ({} s)\n", took.as_secs());
    // A closed standard error only hides the progress.
    drop(std::io::stderr().write_all(text.as_bytes()));
}
