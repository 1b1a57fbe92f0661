//! `trials`: plays the fault suite and prints its table.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use trials::ground::Pair;
use trials::row::{LONG, Row, SHORT};
use trials::suite::{Plan, run};
use trials::table::{breaches, table};

/// Kills, cuts and slows the real program while events flow, and proves that every promise is kept.
#[derive(Debug, Parser)]
struct Arguments {
    /// Decides stories and strikes; without it, one is drawn and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Only rows whose name contains this; may be given several times.
    #[arg(long, value_name = "FAULT")]
    only: Vec<String>,
    /// Many strikes in each row; about half an hour.
    #[arg(long, conflicts_with = "short")]
    long: bool,
    /// A few strikes in each row; about five minutes. The default.
    #[arg(long)]
    short: bool,
    /// The engines.
    #[arg(long, value_enum, default_value = "sqlite")]
    engines: Pair,
    /// Rows at the same time.
    #[arg(long, value_name = "ROWS", default_value_t = 4)]
    side_by_side: usize,
    /// The program under trial; without it, `under-trial` beside this one.
    #[arg(long)]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| jiff::Timestamp::now().as_microsecond().unsigned_abs());
    let program = match arguments.program {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("under-trial"),
    };
    anyhow::ensure!(
        program.exists(),
        "there is no {}: build the binaries of trials first",
        program.display()
    );
    let plan = Plan {
        seed,
        only: arguments.only,
        length: if arguments.long { LONG } else { SHORT },
        pair: arguments.engines,
        program,
        side_by_side: arguments.side_by_side.max(1),
    };
    let mut out = std::io::stdout();
    writeln!(out, "seed {seed}")?;
    let rows = run(&plan, tell).await?;
    writeln!(out, "\n{}", table(&rows))?;
    let broken = breaches(&rows);
    if broken.is_empty() {
        writeln!(out, "every promise was kept (seed {seed})")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{broken}\nreplay with --seed {seed}")?;
    Ok(ExitCode::FAILURE)
}

/// One line for each row that has ended, as a sign of life.
fn tell(row: &Row) {
    let verdict = if row.proof.breaches.is_empty() { "kept" } else { "BROKEN" };
    let text = format!("{verdict:>6}  {} ({} s)\n", row.fault, row.took.as_secs());
    // A reader that went away misses a sign of life, nothing more.
    drop(std::io::stderr().write_all(text.as_bytes()));
}
