//! Injects a fault once.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::fault::{Kind, Link};
use crate::harness::Harness;
use crate::idle::until_none_is_paused;
use crate::proxy::{Proxy, Wire};
use crate::segment_side::Sender;
use crate::servers::Engine;

/// Longer than a lease, which lasts 15 s, and the moment until another worker asks for it.
const LONGER_THAN_A_LEASE: Duration = Duration::from_secs(18);
/// How long to wait for a fault point: a lease has to run out, and something has to be due; or, on the fast path, a batch has to
/// arrive while there are spare calls, which happens about once in twenty seconds.
const POINT_WITHIN: Duration = Duration::from_secs(120);
/// How long a queue may take to fill up.
const FULL_WITHIN: Duration = Duration::from_secs(40);
/// Number of refused messages from which a queue counts as full.
const REJECTED: u64 = 20;
/// Upper limit of workers at the same time.
const MOST_WORKERS: usize = 4;

/// One strike of a fault.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    /// The fault.
    pub kind: Kind,
    /// Its duration, if the fault is a state and not a moment.
    pub lasts: Duration,
    /// How often it has struck before.
    pub turn: usize,
}

/// Injects the fault once. Returns how often it really happened (0: it did not).
///
/// # Errors
///
/// If the harness itself fails, which is no finding about the system.
pub async fn strike(
    next: Strike,
    harness: &mut Harness,
    sender: &Sender,
    dice: &mut Dice,
) -> anyhow::Result<u64> {
    let Strike { kind, lasts, turn } = next;
    match kind {
        Kind::Nothing => Ok(0),
        Kind::KillIngest => kill(harness, harness.ingests(), dice).await,
        Kind::KillWorker => kill(harness, harness.workers(), dice).await,
        Kind::Point(name) => point(harness, name).await,
        Kind::KillEngine(engine) => kill_engine(harness, engine, dice).await,
        Kind::Cut(link) => {
            on_the_wire(harness, link, Wire::Cut, Duration::from_millis(dice.between(500, 2_500))).await
        }
        Kind::Slow(link) => {
            let delay = Duration::from_millis(dice.between(50, 300));
            on_the_wire(harness, link, Wire::Slow(delay), lasts).await
        }
        Kind::MemoryAlarm => memory_alarm(harness, lasts).await,
        Kind::FullQueue => fill_the_queue(harness, sender).await,
        Kind::Refersion(faults) => {
            harness.set_refersion_faults(faults)?;
            harness.pass(lasts).await?;
            harness.clear_refersion_faults();
            Ok(1)
        }
        Kind::WorkersComeAndGo => come_and_go(harness, dice).await,
        Kind::TwoHolders => stand_still(harness, turn).await,
    }
}

async fn kill(harness: &mut Harness, among: Vec<usize>, dice: &mut Dice) -> anyhow::Result<u64> {
    let alive: Vec<usize> =
        among.into_iter().filter(|index| harness.processes[*index].is_running()).collect();
    if alive.is_empty() {
        return Ok(0);
    }
    harness.processes[*dice.pick(&alive)].kill().await;
    Ok(1)
}

/// Waits until a worker has died at the point.
async fn point(harness: &mut Harness, name: &str) -> anyhow::Result<u64> {
    if name == "reconcile.paused" {
        until_none_is_paused(harness, POINT_WITHIN).await?;
        harness.set_refersion_faults("503=100%")?;
    }
    let (before, end) = (harness.deaths.at_point, Instant::now() + POINT_WITHIN);
    while harness.deaths.at_point == before && Instant::now() < end {
        harness.pass(Duration::from_millis(100)).await?;
    }
    harness.clear_refersion_faults();
    Ok(harness.deaths.at_point - before)
}

async fn on_the_wire(harness: &mut Harness, link: Link, wire: Wire, lasts: Duration) -> anyhow::Result<u64> {
    for state in [wire, Wire::Good] {
        let Some(proxy) = proxy(harness, link) else { return Ok(0) };
        proxy.set(state);
        if state != Wire::Good {
            harness.pass(lasts).await?;
        }
    }
    Ok(1)
}

fn proxy(harness: &Harness, link: Link) -> Option<&Proxy> {
    match link {
        Link::Refersion => Some(&harness.refersion_wire),
        Link::To(engine) => harness.row_engines.wire(engine),
    }
}

async fn kill_engine(harness: &mut Harness, engine: Engine, dice: &mut Dice) -> anyhow::Result<u64> {
    let Some(servers) = harness.row_engines.servers() else { return Ok(0) };
    servers.kill(engine).await?;
    harness.pass(Duration::from_millis(dice.between(500, 3_000))).await?;
    let Some(servers) = harness.row_engines.servers() else { return Ok(0) };
    let starting = servers.start_again();
    while !starting.is_finished() {
        harness.pass(Duration::from_millis(100)).await?;
    }
    starting.await??;
    Ok(1)
}

async fn memory_alarm(harness: &mut Harness, lasts: Duration) -> anyhow::Result<u64> {
    for (on, lasts) in [(true, lasts), (false, Duration::ZERO)] {
        let Some(servers) = harness.row_engines.servers() else { return Ok(0) };
        servers.alarm(on).await?;
        harness.pass(lasts).await?;
    }
    Ok(1)
}

async fn fill_the_queue(harness: &mut Harness, sender: &Sender) -> anyhow::Result<u64> {
    let workers = harness.workers();
    for index in &workers {
        harness.processes[*index].kill_without_restart().await;
    }
    let (before, end) = (sender.rejected(), Instant::now() + FULL_WITHIN);
    while sender.rejected() < before + REJECTED && Instant::now() < end {
        harness.pass(Duration::from_millis(100)).await?;
    }
    for index in workers {
        harness.processes[index].allow_restart();
    }
    harness.pass(Duration::from_secs(2)).await?;
    Ok(u64::from(sender.rejected() >= before + REJECTED))
}

async fn come_and_go(harness: &mut Harness, dice: &mut Dice) -> anyhow::Result<u64> {
    let workers = harness.workers();
    if workers.len() < 2 || (workers.len() < MOST_WORKERS && dice.percent(50)) {
        harness.add_worker()?;
    } else if !harness.stop_worker(*dice.pick(&workers)).await {
        anyhow::bail!("a worker that was asked to end did not end in good order; see {}", harness.logs());
    }
    harness.pass(Duration::from_secs(1)).await?;
    Ok(1)
}

/// Each worker in turn, because the lease holders are not known from outside.
async fn stand_still(harness: &mut Harness, turn: usize) -> anyhow::Result<u64> {
    let workers = harness.workers();
    let index = workers[turn % workers.len()];
    harness.processes[index].signal(Signal::STOP);
    harness.pass(LONGER_THAN_A_LEASE).await?;
    harness.processes[index].signal(Signal::CONT);
    Ok(1)
}
