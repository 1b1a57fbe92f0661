//! Damaged pages in the queue's file.

use std::time::Duration;

use tokio::time::Instant;

use super::crafted::Crafted;
use super::files::{checkpoint, damage, holds, is_index};
use super::flood::Flood;
use super::honest::Honest;
use super::system::System;
use crate::dice::Dice;
use crate::process::Role;

/// Events of A in the damaged pages.
const EVENTS: usize = 60;
/// Events of B that wait in the queue, in pages that stay whole.
const WAITING: usize = 30;
/// How many of A's pages in a hundred are overwritten.
const DAMAGED: u64 = 60;
/// In every event of A, and in none of B.
const MARK_OF_A: &str = "@crafted.test";
/// In every event of B, and in none of A.
const MARK_OF_B: &str = "@honest.test";
/// How long B may take for its events.
const WITHIN: Duration = Duration::from_secs(60);

/// Lets events of A and B wait in the queue, damages the indexes and pages that hold events of A alone, and starts
/// everything again. Returns the number of damaged pages.
pub(super) async fn strike(system: &mut System, honest: &Honest, dice: &mut Dice) -> anyhow::Result<u64> {
    system.while_supervising(honest.pause(WITHIN)).await??;
    system.end_all().await;
    system.start_one(Role::Ingest)?;
    system.wait_until_listening().await?;
    // One after the other: a message of the queue, which is damaged or whole, holds events of one of them.
    send_some_of_a(system, dice).await?;
    let before = honest.accepted();
    honest.resume();
    let end = Instant::now() + WITHIN;
    while honest.accepted() < before + WAITING {
        anyhow::ensure!(Instant::now() < end, "B's events are not accepted into a whole queue");
        system.pass(Duration::from_millis(100)).await?;
    }
    system.while_supervising(honest.pause(WITHIN)).await??;
    system.end_all().await;
    let file = system.folder.path().join("queue.db");
    let of_a_alone = |page: &[u8]| holds(page, MARK_OF_A) && !holds(page, MARK_OF_B);
    checkpoint(&file)?;
    // Without its indexes the queue can be read, but messages cannot be taken from it as usual.
    let damaged = damage(&file, dice, is_index, 100)? + damage(&file, dice, of_a_alone, DAMAGED)?;
    honest.resume();
    system.start_all().await?;
    Ok(damaged)
}

async fn send_some_of_a(system: &mut System, dice: &Dice) -> anyhow::Result<()> {
    let events = Crafted::Persons.stream(dice, EVENTS);
    let mut flood = Flood::start(&system.endpoints(), events, dice);
    let end = Instant::now() + WITHIN;
    while !flood.is_done() {
        anyhow::ensure!(Instant::now() < end, "A's events are not accepted into a whole queue");
        system.pass(Duration::from_millis(100)).await?;
    }
    flood.stop().await;
    Ok(())
}
