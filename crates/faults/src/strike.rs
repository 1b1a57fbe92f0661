//! Lets a fault strike once.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::fault::{Kind, Link};
use crate::proxy::{Proxy, Wire};
use crate::rest::until_none_is_paused;
use crate::segment_side::Sender;
use crate::servers::Engine;
use crate::stage::Stage;

/// Longer than a lease, which lasts 15 s, and the moment until another worker asks for it.
const LONGER_THAN_A_LEASE: Duration = Duration::from_secs(18);
/// How long a fault point is waited for: a lease has to run out, and something has to be due; or, on the way straight through
/// both stories, a batch has to meet a moment with spare calls, and there is one in twenty seconds.
const POINT_WITHIN: Duration = Duration::from_secs(120);
/// How long a queue is given to fill up.
const FULL_WITHIN: Duration = Duration::from_secs(40);
/// Number of refused messages from which a queue counts as full.
const TURNED_AWAY: u64 = 20;
/// Upper limit of workers at the same time.
const MOST_WORKERS: usize = 4;

/// One time that a fault strikes.
#[derive(Clone, Copy, Debug)]
pub struct Blow {
    /// What is done.
    pub kind: Kind,
    /// For how long, where the fault is a state and not a moment.
    pub lasts: Duration,
    /// How often it has struck before.
    pub turn: usize,
}

/// Strikes once; returns how often the fault really happened (0: it did not come about).
///
/// # Errors
///
/// If the stage itself fails: that is no finding about the system.
pub async fn strike(blow: Blow, stage: &mut Stage, sender: &Sender, dice: &mut Dice) -> anyhow::Result<u64> {
    let Blow { kind, lasts, turn } = blow;
    match kind {
        Kind::Nothing => Ok(0),
        Kind::KillIngest => kill(stage, stage.ingests(), dice).await,
        Kind::KillWorker => kill(stage, stage.workers(), dice).await,
        Kind::Point(name) => point(stage, name).await,
        Kind::KillEngine(engine) => kill_engine(stage, engine, dice).await,
        Kind::Cut(link) => {
            on_the_wire(stage, link, Wire::Cut, Duration::from_millis(dice.between(500, 2_500))).await
        }
        Kind::Slow(link) => {
            let delay = Duration::from_millis(dice.between(50, 300));
            on_the_wire(stage, link, Wire::Slow(delay), lasts).await
        }
        Kind::MemoryAlarm => memory_alarm(stage, lasts).await,
        Kind::FullQueue => fill_the_queue(stage, sender).await,
        Kind::Refersion(faults) => {
            stage.ail_refersion(faults)?;
            stage.pass(lasts).await?;
            stage.heal_refersion();
            Ok(1)
        }
        Kind::WorkersComeAndGo => come_and_go(stage, dice).await,
        Kind::TwoHolders => stand_still(stage, turn).await,
    }
}

async fn kill(stage: &mut Stage, among: Vec<usize>, dice: &mut Dice) -> anyhow::Result<u64> {
    let alive: Vec<usize> = among.into_iter().filter(|index| stage.processes[*index].is_running()).collect();
    if alive.is_empty() {
        return Ok(0);
    }
    stage.processes[*dice.pick(&alive)].kill().await;
    Ok(1)
}

/// Waits until a worker has died at the point.
async fn point(stage: &mut Stage, name: &str) -> anyhow::Result<u64> {
    if name == "reconcile.paused" {
        until_none_is_paused(stage, POINT_WITHIN).await?;
        stage.ail_refersion("503=100%")?;
    }
    let (before, end) = (stage.deaths.at_point, Instant::now() + POINT_WITHIN);
    while stage.deaths.at_point == before && Instant::now() < end {
        stage.pass(Duration::from_millis(100)).await?;
    }
    stage.heal_refersion();
    Ok(stage.deaths.at_point - before)
}

async fn on_the_wire(stage: &mut Stage, link: Link, wire: Wire, lasts: Duration) -> anyhow::Result<u64> {
    for state in [wire, Wire::Good] {
        let Some(proxy) = proxy(stage, link) else { return Ok(0) };
        proxy.set(state);
        if state != Wire::Good {
            stage.pass(lasts).await?;
        }
    }
    Ok(1)
}

fn proxy(stage: &Stage, link: Link) -> Option<&Proxy> {
    match link {
        Link::Refersion => Some(&stage.refersion_wire),
        Link::To(engine) => stage.ground.wire(engine),
    }
}

async fn kill_engine(stage: &mut Stage, engine: Engine, dice: &mut Dice) -> anyhow::Result<u64> {
    let Some(servers) = stage.ground.servers() else { return Ok(0) };
    servers.kill(engine).await?;
    stage.pass(Duration::from_millis(dice.between(500, 3_000))).await?;
    let Some(servers) = stage.ground.servers() else { return Ok(0) };
    let starting = servers.start_again();
    while !starting.is_finished() {
        stage.pass(Duration::from_millis(100)).await?;
    }
    starting.await??;
    Ok(1)
}

async fn memory_alarm(stage: &mut Stage, lasts: Duration) -> anyhow::Result<u64> {
    for (on, lasts) in [(true, lasts), (false, Duration::ZERO)] {
        let Some(servers) = stage.ground.servers() else { return Ok(0) };
        servers.alarm(on).await?;
        stage.pass(lasts).await?;
    }
    Ok(1)
}

async fn fill_the_queue(stage: &mut Stage, sender: &Sender) -> anyhow::Result<u64> {
    let workers = stage.workers();
    for index in &workers {
        stage.processes[*index].kill_for_long().await;
    }
    let (before, end) = (sender.turned_away(), Instant::now() + FULL_WITHIN);
    while sender.turned_away() < before + TURNED_AWAY && Instant::now() < end {
        stage.pass(Duration::from_millis(100)).await?;
    }
    for index in workers {
        stage.processes[index].revive();
    }
    stage.pass(Duration::from_secs(2)).await?;
    Ok(u64::from(sender.turned_away() >= before + TURNED_AWAY))
}

async fn come_and_go(stage: &mut Stage, dice: &mut Dice) -> anyhow::Result<u64> {
    let workers = stage.workers();
    if workers.len() < 2 || (workers.len() < MOST_WORKERS && dice.percent(50)) {
        stage.add_worker()?;
    } else if !stage.dismiss(*dice.pick(&workers)).await {
        anyhow::bail!("a worker that was asked to end did not end in good order; see {}", stage.logs());
    }
    stage.pass(Duration::from_secs(1)).await?;
    Ok(1)
}

/// Each worker in its turn, because nobody knows from outside who holds which lease.
async fn stand_still(stage: &mut Stage, turn: usize) -> anyhow::Result<u64> {
    let workers = stage.workers();
    let index = workers[turn % workers.len()];
    stage.processes[index].signal(Signal::STOP);
    stage.pass(LONGER_THAN_A_LEASE).await?;
    stage.processes[index].signal(Signal::CONT);
    Ok(1)
}
