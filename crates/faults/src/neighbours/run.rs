//! One row, from the start of the program to the report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::check::{self, Noticed};
use super::disturb::{self, SMALL_LEDGER, Scope, Strike};
use super::honest::{Honest, PERSONS};
use super::limits::allow_many_files;
use super::rows::{Disturbance, Row};
use super::system::{RowOptions, System, setting};
use crate::dice::Dice;
use crate::neighbours::crafted::Crafted;
use crate::process::Role;
use crate::row_engines::RowEngines;

/// How much is done in each row.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// How many of A's events in a hundred are sent.
    pub percent: usize,
    /// How long a disturbance lasts at least.
    pub at_least: Duration,
    /// How long A may take to send its events.
    pub at_most: Duration,
    /// How long B's events may take to arrive after the disturbance.
    pub arrive_within: Duration,
    /// How long the clock is ahead before a restart. Housekeeping looks once a minute.
    pub ahead: Duration,
    /// Whether B's times are bounded; only where rows run one after the other.
    pub is_timed: bool,
}

impl Length {
    /// How many of these events are sent.
    #[must_use]
    pub fn share_of(&self, events: usize) -> usize {
        (events * self.percent).div_ceil(100)
    }
}

/// For every change.
pub const SHORT: Length = Length {
    percent: 20,
    at_least: Duration::from_secs(6),
    at_most: Duration::from_secs(20),
    arrive_within: Duration::from_secs(45),
    ahead: Duration::ZERO,
    is_timed: false,
};

/// For figures: everything is sent, and times are bounded.
pub const LONG: Length = Length {
    percent: 100,
    at_least: Duration::from_secs(45),
    at_most: Duration::from_secs(180),
    arrive_within: Duration::from_secs(240),
    ahead: Duration::from_secs(75),
    is_timed: true,
};

/// How long B's persons may take to become affiliates, while nothing disturbs.
const KNOWN_WITHIN: Duration = Duration::from_secs(60);
/// How long B's last events may take to be accepted.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(60);

/// The report of a row.
#[derive(Debug)]
pub struct Report {
    /// The row's name.
    pub row: &'static str,
    /// How often it was struck.
    pub struck: u64,
    /// The observations of B.
    pub noticed: Noticed,
    /// The most memory of each role, in bytes.
    pub memory: BTreeMap<Role, u64>,
    /// Broken promises, in words.
    pub breaches: Vec<String>,
    /// How long the row took.
    pub took: Duration,
    /// The folder of the logs, if they are worth reading.
    pub logs: Option<String>,
}

impl Report {
    /// A row that did not complete.
    #[must_use]
    pub fn failed(row: &Row, cause: &anyhow::Error) -> Self {
        Self {
            row: row.name,
            struck: 0,
            noticed: Noticed::default(),
            memory: BTreeMap::new(),
            breaches: vec![format!("the row did not complete: {cause:#}")],
            took: Duration::ZERO,
            logs: None,
        }
    }
}

/// Runs one row and checks it.
///
/// # Errors
///
/// If the row does not complete; a broken promise is in the report.
pub async fn run_row(
    row: &Row,
    length: &Length,
    row_engines: RowEngines,
    program: PathBuf,
    seed: u64,
) -> anyhow::Result<Report> {
    let began = Instant::now();
    let dice = Dice::new(seed).named(row.name);
    let mut system = System::start(row_engines, program, options(row.disturbance)?, &dice).await?;
    let mut report = execute(row, length, &mut system, &dice).await;
    if let Ok(report) = &mut report {
        report.took = began.elapsed();
    }
    if report.as_ref().is_ok_and(|report| report.breaches.is_empty()) {
        return report;
    }
    system.folder.disable_cleanup(true);
    let logs = system.logs();
    system.kill_all().await;
    match report {
        Ok(report) => Ok(Report { logs: Some(logs), ..report }),
        Err(cause) => Err(cause.context(format!("logs are in {logs}"))),
    }
}

async fn execute(row: &Row, length: &Length, system: &mut System, dice: &Dice) -> anyhow::Result<Report> {
    let honest = Honest::start(&system.endpoints(), dice);
    wait_until_known(system).await?;
    let first = honest.next_number();
    let mut scope = Scope { system, honest: &honest, length, dice: dice.named("disturbance") };
    let Strike { struck, mut breaches } = disturb::run(row.disturbance, &mut scope).await?;
    let (sent, not_accepted) = system.while_supervising(honest.finish(ACCEPTED_WITHIN)).await?;
    if not_accepted > 0 {
        breaches.push(format!("{not_accepted} events of B were not accepted within {ACCEPTED_WITHIN:?}"));
    }
    if struck == 0 {
        breaches.push("the disturbance did not occur".to_owned());
    }
    check::wait_for_arrivals(system, &sent, length.arrive_within).await?;
    let noticed = check::notice(system, &sent, first, &mut breaches).await?;
    system.end_all().await;
    check::processes(system, &mut breaches);
    if length.is_timed && row.disturbance.bounds_latency() {
        check::times(&noticed, &mut breaches);
    }
    let memory = system.memory.clone();
    Ok(Report { row: row.name, struck, noticed, memory, breaches, took: Duration::ZERO, logs: None })
}

/// Waits until each person of B is an affiliate.
async fn wait_until_known(system: &mut System) -> anyhow::Result<()> {
    let end = Instant::now() + KNOWN_WITHIN;
    while system.arrivals.persons() < PERSONS {
        anyhow::ensure!(
            Instant::now() < end,
            "{} of {PERSONS} persons of B reached Refersion in {KNOWN_WITHIN:?}, with nothing to disturb them ({})",
            system.arrivals.persons(),
            system.ended.first().map_or("no process has ended", String::as_str),
        );
        system.pass(Duration::from_millis(100)).await?;
    }
    Ok(())
}

fn options(disturbance: Disturbance) -> anyhow::Result<RowOptions> {
    let mut options = RowOptions::default();
    match disturbance {
        Disturbance::Log(output) => {
            options.output = output;
            options.variables.push(setting("LOG__LEVEL", "debug"));
        }
        Disturbance::Events(Crafted::Names { mapped }) => options.a_has_a_field = mapped,
        Disturbance::FullLedger => options.variables.push(setting("LEDGER__MAX_BYTES", SMALL_LEDGER.0)),
        Disturbance::SilentConnections | Disturbance::SlowBodies => allow_many_files()?,
        Disturbance::ClockAhead => options.clock = Some(testbed::faketime::library()?),
        _ => {}
    }
    Ok(options)
}
