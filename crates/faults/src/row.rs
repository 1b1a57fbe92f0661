//! One row of the table, from the start of the processes to the proof.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::ACCOUNTS;
use crate::dice::Dice;
use crate::fault::{Fault, Kind};
use crate::harness::Harness;
use crate::idle;
use crate::messages::Messages;
use crate::proof::{Proof, check};
use crate::row_engines::RowEngines;
use crate::segment_side::{Log, Sender};
use crate::setup::RowOptions;
use crate::strike::{Strike, strike};

/// How much is done in each row.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// How often the fault strikes.
    pub strikes: usize,
    /// People of each connection.
    pub people: usize,
    /// Messages a second, of all connections together.
    pub messages_per_second: u32,
    /// How long a fault lasts if it is a state, such as an outage of Refersion.
    pub lasts: Duration,
    /// Minimum duration of a row, so that enough events are sent.
    pub at_least: Duration,
}

/// For every change: each fault strikes at least once.
pub const SHORT: Length = Length {
    strikes: 2,
    people: 40,
    messages_per_second: 40,
    lasts: Duration::from_secs(5),
    at_least: Duration::from_secs(12),
};

/// For releases: many strikes.
pub const LONG: Length = Length {
    strikes: 6,
    people: 150,
    messages_per_second: 60,
    lasts: Duration::from_secs(30),
    at_least: Duration::from_secs(60),
};

/// How long the ingest endpoints may take to accept the messages in progress, after every fault is over.
const ENDPOINTS_WITHIN: Duration = Duration::from_secs(60);
/// How long the system may take to become idle: a lease, the longest wait between two probes, and the work.
const IDLE_WITHIN: Duration = Duration::from_secs(150);
/// The queue's limit in the row that fills it.
const SMALL_QUEUE: &str = "64KiB";

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The fault.
    pub fault: &'static str,
    /// How often it happened.
    pub injected: u64,
    /// The findings.
    pub proof: Proof,
    /// How long the row took.
    pub took: Duration,
    /// The folder of its processes' logs, if they are worth reading.
    pub logs: Option<String>,
}

impl Row {
    /// A row that did not complete, which proves nothing.
    #[must_use]
    pub fn failed(fault: &Fault, cause: &anyhow::Error) -> Self {
        let breaches = vec![format!("the harness failed: {cause:#}")];
        let proof = Proof { breaches, ..Proof::default() };
        Self { fault: fault.name, injected: 0, proof, took: Duration::ZERO, logs: None }
    }
}

/// A row whose faults are over and whose events were all sent, before anything is checked.
pub struct CompletedRow {
    /// Its harness, whose processes still run.
    pub harness: Harness,
    /// The messages that were sent, and their answers.
    pub log: Log,
    /// Every address that the messages may name, by connection.
    pub addresses: Vec<Vec<String>>,
    injected: u64,
    not_taken: u64,
    remaining: Option<String>,
}

/// Runs one row and checks it.
///
/// # Errors
///
/// If the harness itself fails; a broken promise is in the row.
pub async fn run_row(
    fault: &Fault,
    length: &Length,
    row_engines: RowEngines,
    program: PathBuf,
    seed: u64,
) -> anyhow::Result<Row> {
    let began = Instant::now();
    let mut completed = execute(fault, length, row_engines, program, seed).await?;
    let proof = check_row(fault, &completed).await?;
    let harness = &mut completed.harness;
    harness.end().await;
    let logs = if proof.breaches.is_empty() {
        None
    } else {
        harness.folder.disable_cleanup(true);
        Some(harness.logs())
    };
    Ok(Row { fault: fault.name, injected: completed.injected, proof, took: began.elapsed(), logs })
}

/// Sends events while the fault strikes, ends all faults, and waits until the system is idle.
///
/// # Errors
///
/// If the harness itself fails.
pub async fn execute(
    fault: &Fault,
    length: &Length,
    row_engines: RowEngines,
    program: PathBuf,
    seed: u64,
) -> anyhow::Result<CompletedRow> {
    let dice = Dice::new(seed).named(fault.name);
    let mut harness = Harness::start(row_engines, program, options(fault.kind), length.people, &dice).await?;
    let messages_of = |index| Messages::new(dice.named(&format!("story {index}")), index, length.people);
    let addresses = (0..ACCOUNTS).map(|index| messages_of(index).addresses()).collect();
    let messages = (0..ACCOUNTS).map(messages_of).collect();
    let sender = Sender::start(&harness.endpoints(), messages, length.messages_per_second, &dice);
    let injected = inject(fault.kind, length, &mut harness, &sender, &mut dice.named("strikes")).await?;
    harness.end_faults().await?;
    let (log, not_taken) = while_supervising(&mut harness, sender.finish(ENDPOINTS_WITHIN)).await?;
    let remaining = idle::wait(&mut harness, IDLE_WITHIN).await?;
    Ok(CompletedRow { harness, log, addresses, injected, not_taken, remaining })
}

async fn check_row(fault: &Fault, completed: &CompletedRow) -> anyhow::Result<Proof> {
    let mut proof = check(&completed.harness, &completed.log, &completed.addresses).await?;
    if completed.not_taken > 0 {
        proof.breaches.push(format!(
            "no ingest endpoint took {} messages in {ENDPOINTS_WITHIN:?}",
            completed.not_taken
        ));
    }
    let remaining = completed.remaining.iter();
    proof.breaches.extend(remaining.map(|what| format!("not idle after {IDLE_WITHIN:?}: {what}")));
    if completed.injected == 0 && fault.kind != Kind::Nothing {
        proof.breaches.push("the fault did not occur".to_owned());
    }
    if matches!(completed.harness.row_engines, RowEngines::Files) {
        // Where no engine is away, no process has a reason to end by itself.
        let ends = completed.harness.deaths.by_themselves.iter();
        proof.breaches.extend(ends.map(|end| format!("a process ended by itself: {end}")));
    }
    Ok(proof)
}

fn options(kind: Kind) -> RowOptions {
    let mut options = RowOptions::default();
    match kind {
        Kind::Point(name) => options.point = Some(name),
        Kind::FullQueue => {
            let limit = ("REFERSION_DESTINATION__QUEUE__MAX_BYTES".to_owned(), SMALL_QUEUE.to_owned());
            options.variables.push(limit);
        }
        _ => {}
    }
    options
}

/// Lets the fault strike again and again while messages flow.
async fn inject(
    kind: Kind,
    length: &Length,
    harness: &mut Harness,
    sender: &Sender,
    dice: &mut Dice,
) -> anyhow::Result<u64> {
    let least = Instant::now() + length.at_least;
    harness.pass(Duration::from_secs(2)).await?;
    let mut injected = 0;
    for turn in 0..length.strikes {
        let next = Strike { kind, lasts: length.lasts, turn };
        injected += strike(next, harness, sender, dice).await?;
        harness.pass(Duration::from_millis(dice.between(300, 1_500))).await?;
    }
    harness.pass(least.saturating_duration_since(Instant::now())).await?;
    Ok(injected)
}

/// Waits for `work`, and restarts processes that die meanwhile.
async fn while_supervising<T>(harness: &mut Harness, work: impl Future<Output = T>) -> anyhow::Result<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            supervised = harness.pass(Duration::from_millis(100)) => supervised?,
        }
    }
}
