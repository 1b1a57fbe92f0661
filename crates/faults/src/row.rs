//! One row of the table, from setting the stage to the proof.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::ACCOUNTS;
use crate::dice::Dice;
use crate::fault::{Fault, Kind};
use crate::ground::Ground;
use crate::proof::{Proof, check};
use crate::rest;
use crate::segment_side::{Log, Sender};
use crate::setup::Wishes;
use crate::stage::Stage;
use crate::story::Story;
use crate::strike::{Blow, strike};

/// How much is done in each row.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// How often the fault strikes.
    pub strikes: usize,
    /// People of each connection.
    pub people: usize,
    /// Messages a second, of all connections together.
    pub messages_per_second: u32,
    /// How long a fault lasts that is a state: an outage of Refersion, say.
    pub lasts: Duration,
    /// How long a row takes at least, so that enough is said.
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

/// For whoever wants to be sure.
pub const LONG: Length = Length {
    strikes: 6,
    people: 150,
    messages_per_second: 60,
    lasts: Duration::from_secs(30),
    at_least: Duration::from_secs(60),
};

/// How long the ingest endpoints may take for what was begun, when every fault is over.
const ENDPOINTS_WITHIN: Duration = Duration::from_secs(60);
/// How long everything may take to come to rest: a lease, the longest wait between two probes, and the work.
const REST_WITHIN: Duration = Duration::from_secs(150);
/// The queue's limit in the row that fills it.
const SMALL_QUEUE: &str = "64KiB";

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The fault.
    pub fault: &'static str,
    /// How often it happened.
    pub injected: u64,
    /// What was found.
    pub proof: Proof,
    /// How long the row took.
    pub took: Duration,
    /// Where the logs of its processes are, if they are worth reading.
    pub logs: Option<String>,
}

impl Row {
    /// A row that could not be played to its end, which is no proof of anything.
    #[must_use]
    pub fn not_played(fault: &Fault, cause: &anyhow::Error) -> Self {
        let breaches = vec![format!("the harness failed: {cause:#}")];
        let proof = Proof { breaches, ..Proof::default() };
        Self { fault: fault.name, injected: 0, proof, took: Duration::ZERO, logs: None }
    }
}

/// A row whose faults are over and whose events were all told, before anything is judged.
pub struct Played {
    /// Where it was played; its processes still run.
    pub stage: Stage,
    /// What was sent.
    pub log: Log,
    /// Every address that the stories may name, by connection.
    pub addresses: Vec<Vec<String>>,
    injected: u64,
    not_taken: u64,
    unrest: Option<String>,
}

/// Plays one row and judges it.
///
/// # Errors
///
/// If the harness itself fails; a broken promise is in the row.
pub async fn play(
    fault: &Fault,
    length: &Length,
    ground: Ground,
    program: PathBuf,
    seed: u64,
) -> anyhow::Result<Row> {
    let began = Instant::now();
    let mut played = perform(fault, length, ground, program, seed).await?;
    let proof = judge(fault, &played).await?;
    let stage = &mut played.stage;
    stage.end().await;
    let logs = if proof.breaches.is_empty() {
        None
    } else {
        stage.folder.disable_cleanup(true);
        Some(stage.logs())
    };
    Ok(Row { fault: fault.name, injected: played.injected, proof, took: began.elapsed(), logs })
}

/// Lets events flow and the fault strike, ends all faults, and waits until everything has come to rest.
///
/// # Errors
///
/// If the harness itself fails.
pub async fn perform(
    fault: &Fault,
    length: &Length,
    ground: Ground,
    program: PathBuf,
    seed: u64,
) -> anyhow::Result<Played> {
    let dice = Dice::new(seed).named(fault.name);
    let mut stage = Stage::set(ground, program, wishes(fault.kind), length.people, &dice).await?;
    let story = |index| Story::new(dice.named(&format!("story {index}")), index, length.people);
    let addresses = (0..ACCOUNTS).map(|index| story(index).addresses()).collect();
    let stories = (0..ACCOUNTS).map(story).collect();
    let sender = Sender::start(&stage.endpoints(), stories, length.messages_per_second, &dice);
    let injected = suffer(fault.kind, length, &mut stage, &sender, &mut dice.named("strikes")).await?;
    stage.calm().await?;
    let (log, not_taken) = while_tending(&mut stage, sender.finish(ENDPOINTS_WITHIN)).await?;
    let unrest = rest::wait(&mut stage, REST_WITHIN).await?;
    Ok(Played { stage, log, addresses, injected, not_taken, unrest })
}

async fn judge(fault: &Fault, played: &Played) -> anyhow::Result<Proof> {
    let mut proof = check(&played.stage, &played.log, &played.addresses).await?;
    if played.not_taken > 0 {
        proof
            .breaches
            .push(format!("no ingest endpoint took {} messages in {ENDPOINTS_WITHIN:?}", played.not_taken));
    }
    let unrest = played.unrest.iter();
    proof.breaches.extend(unrest.map(|what| format!("not at rest after {REST_WITHIN:?}: {what}")));
    if played.injected == 0 && fault.kind != Kind::Nothing {
        proof.breaches.push("the fault did not come about".to_owned());
    }
    if matches!(played.stage.ground, Ground::Files) {
        // Where no engine is away, no process has a reason to end by itself.
        let ends = played.stage.deaths.by_themselves.iter();
        proof.breaches.extend(ends.map(|end| format!("a process ended by itself: {end}")));
    }
    Ok(proof)
}

fn wishes(kind: Kind) -> Wishes {
    let mut wishes = Wishes::default();
    match kind {
        Kind::Point(name) => wishes.point = Some(name),
        Kind::FullQueue => {
            let limit = ("REFERSION_DESTINATION__QUEUE__MAX_BYTES".to_owned(), SMALL_QUEUE.to_owned());
            wishes.variables.push(limit);
        }
        _ => {}
    }
    wishes
}

/// Lets the fault strike again and again while messages flow.
async fn suffer(
    kind: Kind,
    length: &Length,
    stage: &mut Stage,
    sender: &Sender,
    dice: &mut Dice,
) -> anyhow::Result<u64> {
    let least = Instant::now() + length.at_least;
    stage.pass(Duration::from_secs(2)).await?;
    let mut injected = 0;
    for turn in 0..length.strikes {
        let blow = Blow { kind, lasts: length.lasts, turn };
        injected += strike(blow, stage, sender, dice).await?;
        stage.pass(Duration::from_millis(dice.between(300, 1_500))).await?;
    }
    stage.pass(least.saturating_duration_since(Instant::now())).await?;
    Ok(injected)
}

/// Waits for `work`, and starts again whoever dies meanwhile.
async fn while_tending<T>(stage: &mut Stage, work: impl Future<Output = T>) -> anyhow::Result<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            tended = stage.pass(Duration::from_millis(100)) => tended?,
        }
    }
}
