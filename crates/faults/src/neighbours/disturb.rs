//! Runs the disturbance of a row while B sends.

use std::time::Duration;

use tokio::time::Instant;

use super::crafted::{Crafted, LONG_ID};
use super::flood::Flood;
use super::honest::Honest;
use super::rows::Disturbance;
use super::run::Length;
use super::sockets::{Manner, Sockets};
use super::system::{A, NOW, System, setting};
use super::{damage, outage};
use crate::dice::Dice;
use crate::segment_side::Log;

/// Silent connections, about twice as many as the endpoint holds open (`ingest.max_connections`).
const SILENT: usize = 2_000;
/// Clients with bodies that trickle.
const SLOW: usize = 1_100;
/// `ledger.max_bytes` in the row that reaches it. An empty database of Postgres has 8 MB.
pub(super) const SMALL_LEDGER: (&str, u64) = ("24MiB", 24 << 20);
/// `ledger.max_bytes` for the ledger to go on.
const LARGE_LEDGER: &str = "4GiB";
/// Events that log something, in rows about the log.
const LOGGED: usize = 200;
/// How far the clock jumps, in faketime's words.
const AHEAD: &str = "+100d";
/// How long the clock is ahead before the processes are started again under it, and after that.
const BEFORE_THE_RESTART: Duration = Duration::from_secs(3);
const AFTER_THE_RESTART: Duration = Duration::from_secs(6);
/// Between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How long everything may take to come to rest.
const IDLE_WITHIN: Duration = Duration::from_secs(60);

/// The strikes, and the promises that were broken meanwhile.
#[derive(Debug, Default)]
pub struct Strike {
    /// How often: events that A sent, connections that were opened, pages that were damaged.
    pub struck: u64,
    /// Broken promises, in words.
    pub breaches: Vec<String>,
}

/// The system that a disturbance acts on, and its options.
pub struct Scope<'r> {
    /// The program and its surroundings.
    pub system: &'r mut System,
    /// B, which sends.
    pub honest: &'r Honest,
    /// The amount of work.
    pub length: &'r Length,
    /// The source of random choices.
    pub dice: Dice,
}

/// Runs it; it takes at least `length.at_least`.
///
/// # Errors
///
/// If the harness itself fails.
pub async fn run(disturbance: Disturbance, scope: &mut Scope<'_>) -> anyhow::Result<Strike> {
    let least = Instant::now() + scope.length.at_least;
    let strike = strike(disturbance, scope).await?;
    scope.system.pass(least.saturating_duration_since(Instant::now())).await?;
    Ok(strike)
}

async fn strike(disturbance: Disturbance, scope: &mut Scope<'_>) -> anyhow::Result<Strike> {
    let dice = &mut scope.dice;
    match disturbance {
        Disturbance::Nothing => Ok(Strike { struck: 1, ..Strike::default() }),
        Disturbance::Events(crafted) => events(scope, crafted, scope.length.share_of(crafted.events())).await,
        Disturbance::Log(_) => events(scope, Crafted::Refused, LOGGED).await,
        Disturbance::Missing(what) => outage::missing(scope.system, scope.honest, what, dice).await,
        Disturbance::SilentConnections => sockets(scope, SILENT, Manner::Silent).await,
        Disturbance::SlowBodies => sockets(scope, SLOW, Manner::Slow).await,
        Disturbance::DamagedQueue => {
            let struck = damage::strike(scope.system, scope.honest, dice).await?;
            Ok(Strike { struck, ..Strike::default() })
        }
        Disturbance::DamagedLedger => outage::damaged_ledger(scope.system, scope.honest, dice).await,
        Disturbance::FullLedger => full_ledger(scope).await,
        Disturbance::LongMessageIds => long_message_ids(scope).await,
        Disturbance::ClockAhead => clock_ahead(scope).await,
    }
}

/// A sends events, at most for `length.at_most`.
async fn events(scope: &mut Scope<'_>, crafted: Crafted, count: usize) -> anyhow::Result<Strike> {
    let events = crafted.stream(&scope.dice, count);
    let mut flood = Flood::start(&scope.system.endpoints(), events, &scope.dice);
    let end = Instant::now() + scope.length.at_most;
    while !flood.is_done() && Instant::now() < end {
        scope.system.pass(POLL_INTERVAL).await?;
    }
    Ok(summarize(&flood.stop().await))
}

/// An event that is refused for good is an answer too; a wrong key is none.
fn summarize(log: &Log) -> Strike {
    let refused: usize = log.unexpected.values().sum();
    let wrong = log.unexpected.iter().filter(|(answer, _)| answer.starts_with("401"));
    Strike {
        struck: (log.accepted.len() + refused) as u64,
        breaches: wrong.map(|(answer, times)| format!("A was answered {times} times: {answer}")).collect(),
    }
}

/// Opens connections from one address. Those of B come from another one, and must get in.
async fn sockets(scope: &mut Scope<'_>, count: usize, manner: Manner) -> anyhow::Result<Strike> {
    let (accepted, unanswered) = (scope.honest.accepted(), scope.honest.unanswered());
    let sockets = Sockets::open(&scope.system.endpoints(), count, manner);
    scope.system.pass(scope.length.at_least).await?;
    let struck = sockets.opened();
    sockets.close().await;
    let accepted = scope.honest.accepted() - accepted;
    let unanswered = scope.honest.unanswered() - unanswered;
    let mut strike = Strike { struck, ..Strike::default() };
    if unanswered * 2 > accepted as u64 {
        let text = format!("B had {accepted} events accepted, and {unanswered} tries without an answer");
        strike.breaches.push(text);
    }
    Ok(strike)
}

/// A fills the ledger until it is answered 503, while B, which holds little of it, goes on; then the operator raises
/// the limit.
async fn full_ledger(scope: &mut Scope<'_>) -> anyhow::Result<Strike> {
    let Scope { system, length, dice, .. } = scope;
    let events = Crafted::Persons.stream(dice, Crafted::Persons.events());
    let mut flood = Flood::start(&system.endpoints(), events, dice);
    let end = Instant::now() + length.at_most + length.arrive_within;
    while flood.rejected() == 0 && !flood.is_done() && Instant::now() < end {
        system.pass(POLL_INTERVAL).await?;
    }
    // Accepted events still have to find their place.
    system.pass(length.at_least).await?;
    let asked_to_wait = flood.rejected();
    let log = flood.stop().await;
    let mut strike = summarize(&log);
    let size = system.ledger_bytes().await?;
    let (limit, most) = (SMALL_LEDGER.0, SMALL_LEDGER.1 * 2);
    if asked_to_wait == 0 {
        strike.breaches.push(format!("never answered 503 with {size} bytes in a ledger of {limit}"));
    }
    if size > most {
        strike.breaches.push(format!("the ledger grew to {size} bytes, and its limit is {limit}"));
    }
    system.end_all().await;
    let (name, value) = setting("LEDGER__MAX_BYTES", LARGE_LEDGER);
    system.overrides.insert(name, value);
    system.start_all().await?;
    Ok(strike)
}

/// Twice the same number of events. After the first round the ledger has room that it can use again; its growth in the second
/// round is what it keeps for good.
async fn long_message_ids(scope: &mut Scope<'_>) -> anyhow::Result<Strike> {
    let count = scope.length.share_of(Crafted::LongMessageIds.events());
    let first = events(scope, Crafted::LongMessageIds, count).await?;
    rest(scope).await?;
    let before = scope.system.ledger_bytes().await?;
    scope.dice.draw();
    let mut strike = events(scope, Crafted::LongMessageIds, count).await?;
    rest(scope).await?;
    let grown = scope.system.ledger_bytes().await?.saturating_sub(before);
    let sent = (count * LONG_ID) as u64;
    if grown > sent / 2 {
        strike.breaches.push(format!("the ledger grew by {grown} bytes over {sent} bytes of message ids"));
    }
    strike.struck += first.struck;
    Ok(strike)
}

/// Dead letters of A and outcomes of B exist before the jump, and have to exist after it. The outcomes of B are checked at the
/// end of the row, as in every row.
async fn clock_ahead(scope: &mut Scope<'_>) -> anyhow::Result<Strike> {
    let mut strike = events(scope, Crafted::Refused, Crafted::Refused.events()).await?;
    rest(scope).await?;
    let before = dead_letters(scope).await?;
    anyhow::ensure!(before > 0, "no value was refused, so there is no dead letter to keep");
    scope.system.set_clock(AHEAD)?;
    scope.system.pass(BEFORE_THE_RESTART.max(scope.length.ahead)).await?;
    // Housekeeping begins with a start.
    scope.system.end_all().await;
    scope.system.start_all().await?;
    scope.system.pass(AFTER_THE_RESTART).await?;
    scope.system.set_clock(NOW)?;
    scope.system.pass(AFTER_THE_RESTART).await?;
    let after = dead_letters(scope).await?;
    if after < before {
        strike.breaches.push(format!("{after} of {before} dead letters are left after the jump"));
    }
    Ok(strike)
}

/// Lets everything come to rest, for which B has to pause.
async fn rest(scope: &mut Scope<'_>) -> anyhow::Result<()> {
    let Scope { system, honest, .. } = scope;
    system.while_supervising(honest.pause(IDLE_WITHIN)).await??;
    system.wait_for_rest(IDLE_WITHIN).await?;
    honest.resume();
    Ok(())
}

async fn dead_letters(scope: &Scope<'_>) -> anyhow::Result<u64> {
    let engines = scope.system.engines().await?;
    let a = scope.system.accounts[A].id;
    Ok(engines.ledger.counts(Some(a), engines.now()).await?.dead_letters)
}
