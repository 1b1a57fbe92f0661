//! Absorb: events from the queue become profiles in the ledger.
//!
//! The order of reading: [`run`] (the story), `part` (one connection's events, from what was gathered to what is
//! recorded), `read` and `fold` (the pure steps), `in_hand` (what is under way).

mod fold;
mod hand;
mod in_hand;
mod part;
mod read;
mod too_long;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connections::ConnectionId;
use queue::Batch;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::Worker;
use crate::rules::Known;
use in_hand::InHand;
use part::{Part, Trouble};
use read::Reading;

pub(crate) use fold::Folded;
pub(crate) use part::ends;

/// How long one take waits for events.
const TAKE_WAITS: Duration = Duration::from_secs(1);
/// How long absorb rests when the queue or the ledger is not available.
const REST: Duration = Duration::from_millis(500);

/// Absorbs until `stop`. Wakes `work` when something became due.
///
/// While batches are recorded and acknowledged, the next is read and folded; but not if it touches what they touch.
pub async fn run(worker: &Worker, work: &Arc<Notify>, stop: &CancellationToken) {
    let mut known = Known::default();
    let mut in_hand = InHand::default();
    while !stop.is_cancelled() {
        worker.beats.beat("absorb", worker.now());
        if let Err(cause) = step(worker, &mut known, &mut in_hand, work, stop).await {
            warn!(cause = %format!("{cause:#}"), "absorb rests: the batch stays in the queue");
            tokio::select! { biased; () = tokio::time::sleep(REST) => {}, () = stop.cancelled() => {} }
        }
    }
    if let Err(cause) = in_hand.empty().await {
        warn!(cause = %format!("{cause:#}"), "the last batch stays in the queue");
    }
    worker.beats.forget("absorb");
}

/// Takes a batch and folds it; the rest of its way goes on by itself. An error may be that of an earlier batch.
async fn step(
    worker: &Worker,
    known: &mut Known,
    in_hand: &mut InHand,
    work: &Arc<Notify>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    in_hand.make_room().await?;
    let Some(batch) = take(worker, known, stop).await? else { return Ok(()) };
    let parts = give_back_unless_well(worker, &batch, fold_all(worker, known, &batch, in_hand).await).await?;
    let (worker, known, work) = (worker.clone(), known.clone(), Arc::clone(work));
    let touched = parts.iter().flat_map(Part::digests).collect();
    in_hand.add(touched, async move {
        record_all(&worker, &known, batch, parts).await?;
        work.notify_waiters();
        Ok(())
    });
    Ok(())
}

/// One round: take a batch, absorb it, acknowledge it. Returns how many envelopes it had.
///
/// # Errors
///
/// If the queue or the ledger is not available; the batch then comes again.
pub async fn round(worker: &Worker, known: &mut Known, stop: &CancellationToken) -> anyhow::Result<usize> {
    let Some(batch) = take(worker, known, stop).await? else { return Ok(0) };
    let envelopes = batch.items.len();
    let folded = fold_all(worker, known, &batch, &mut InHand::default()).await;
    let parts = give_back_unless_well(worker, &batch, folded).await?;
    record_all(worker, known, batch, parts).await?;
    Ok(envelopes)
}

async fn take(worker: &Worker, known: &mut Known, stop: &CancellationToken) -> anyhow::Result<Option<Batch>> {
    known.refresh(worker).await?;
    let batch = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(None),
        batch = worker.queue.take(worker.limits.absorb_batch, TAKE_WAITS) => batch?,
    };
    if batch.is_empty() {
        return Ok(None);
    }
    fault_point!("absorb.taken");
    Ok(Some(batch))
}

/// Reads a batch and folds what it says, connection by connection. One that came back from a crash is only read: it is
/// gone through envelope by envelope.
async fn fold_all(
    worker: &Worker,
    known: &mut Known,
    batch: &Batch,
    in_hand: &mut InHand,
) -> anyhow::Result<Vec<Part>> {
    known.meet(worker, batch.items.iter().filter_map(read::connection_of)).await?;
    let mut by_connection: BTreeMap<ConnectionId, Vec<Reading>> = BTreeMap::new();
    for item in &batch.items {
        let reading = read::read(worker, known, item);
        by_connection.entry(reading.connection).or_default().push(reading);
    }
    let mut parts: Vec<Part> =
        by_connection.into_iter().map(|(id, readings)| Part::new(id, readings, known)).collect();
    if !batch.redelivered {
        for part in &mut parts {
            match part.fold(worker, in_hand).await {
                Ok(()) => {}
                Err(Trouble::NotNow(cause)) => return Err(cause),
                Err(Trouble::Bad(why)) => warn!(why, "a batch is gone through envelope by envelope"),
            }
        }
    }
    fault_point!("absorb.folded");
    Ok(parts)
}

/// Records everything, then acknowledges the batch, or gives it back.
async fn record_all(worker: &Worker, known: &Known, batch: Batch, parts: Vec<Part>) -> anyhow::Result<()> {
    let recorded = futures_util::future::join_all(parts.into_iter().map(|part| record(worker, known, part)));
    let recorded: anyhow::Result<()> = recorded.await.into_iter().collect();
    give_back_unless_well(worker, &batch, recorded).await?;
    fault_point!("absorb.recorded");
    worker.queue.acknowledge(&batch).await?;
    fault_point!("absorb.acknowledged");
    worker.meters.absorbed(batch.items.len());
    Ok(())
}

async fn give_back_unless_well<T>(
    worker: &Worker,
    batch: &Batch,
    went: anyhow::Result<T>,
) -> anyhow::Result<T> {
    if went.is_err()
        && let Err(lost) = worker.queue.release(batch).await
    {
        debug!(cause = %lost, "a batch could not be given back and comes again by itself");
    }
    went
}

/// Records one connection's events as one, or envelope by envelope where something in them is bad.
async fn record(worker: &Worker, known: &Known, part: Part) -> anyhow::Result<()> {
    let readings = Arc::clone(&part.readings);
    let (connection, is_folded) = (part.connection, part.is_folded());
    if is_folded {
        match part.record(worker, known).await {
            Ok(()) => return Ok(()),
            Err(Trouble::NotNow(cause)) => return Err(cause),
            Err(Trouble::Bad(why)) => warn!(why, "a batch is gone through envelope by envelope"),
        }
    }
    for reading in readings.iter() {
        let alone = Part::new(connection, vec![reading.clone()], known);
        match alone.record(worker, known).await {
            Ok(()) => {}
            Err(Trouble::NotNow(cause)) => return Err(cause),
            Err(Trouble::Bad(why)) => bury(worker, known, reading, &why).await?,
        }
    }
    Ok(())
}

/// The one envelope that is bad dies, with its bytes.
async fn bury(worker: &Worker, known: &Known, reading: &Reading, why: &str) -> anyhow::Result<()> {
    error!(why, "an envelope cannot be absorbed and becomes a dead letter");
    let dead = Part::new(reading.connection, vec![read::poison(reading, why)], known);
    match dead.record(worker, known).await {
        Ok(()) => Ok(()),
        Err(Trouble::NotNow(cause)) => Err(cause),
        Err(Trouble::Bad(why)) => anyhow::bail!("an envelope can neither be absorbed nor buried: {why}"),
    }
}
