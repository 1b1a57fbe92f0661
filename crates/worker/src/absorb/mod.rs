//! Absorb: events from the queue become profiles in the ledger.
//!
//! Read in this order: [`run`] (the loop), `slots` (whose events are taken next), `pieces` (one connection's events, together
//! or in pieces), `part` (from gathering to recording), `read` and `fold` (the pure steps).

mod addresses;
mod answers;
mod fold;
pub mod forecast;
mod former;
mod gather;
mod graph_set;
mod left_out;
mod names;
mod part;
mod pieces;
mod read;
mod shared;
mod slots;
mod too_long;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connections::ConnectionId;
use queue::{Batch, Item};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::Worker;
use crate::off_thread::off_thread;
use crate::rules::ConnectionCache;
use answers::Answers;
use part::Part;
use read::Reading;
use slots::Slots;

pub(crate) use fold::{Folded, ends};

/// How long one take waits for events.
const TAKE_WAITS: Duration = Duration::from_secs(1);
/// Interval of polling the queue while some connections have reached their share of the batches under way.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Waits between takes while batches are under way, as (events, wait): after a take of fewer events than the first number, the next
/// take waits this long, so that its batch is larger. The cost of a batch hardly depends on its size. If no batch is under way, the
/// next take does not wait.
const GATHER: [(usize, Duration); 2] = [(50, Duration::from_millis(25)), (1000, Duration::from_millis(80))];
/// How long absorb pauses after the queue or the connections could not be read.
const PAUSE: Duration = Duration::from_millis(500);

/// Absorbs until `stop`. Wakes the lease holder of a connection when some of its work may have become due.
///
/// Each batch has events of one connection and is processed in a task of its own, so no connection waits for the events of
/// another. The amount of one connection's events that is under way is bounded.
pub async fn run(worker: &Worker, stop: &CancellationToken) {
    let mut cache = ConnectionCache::default();
    let mut slots = Slots::default();
    let answers = Arc::new(Answers::default());
    let mut last = 0;
    while !stop.is_cancelled() {
        worker.beats.beat("absorb", worker.now());
        if let Some(wait) = gathers(last, worker.limits.absorb_batch) {
            slots.wait_for_all(wait).await;
        }
        last = 0;
        match take_next(worker, &mut cache, &mut slots, stop).await {
            Ok(taken) => {
                last = taken.values().map(|batch| batch.items.len()).sum();
                for (connection, batch) in taken {
                    let bytes = batch.items.iter().map(bytes).sum();
                    let absorbing = absorb_owned(
                        worker.clone(),
                        cache.clone(),
                        batch,
                        Arc::clone(&answers),
                        stop.clone(),
                    );
                    slots.add(connection, bytes, absorbing);
                }
            }
            Err(cause) => {
                warn!(error = %format!("{cause:#}"), "absorb pauses: nothing can be taken from the queue");
                tokio::select! { biased; () = tokio::time::sleep(PAUSE) => {}, () = stop.cancelled() => {} }
            }
        }
    }
    slots.empty().await;
    worker.beats.forget("absorb");
}

/// How long the next take waits after one that found `events`; `None` if it found none, or a full batch.
fn gathers(events: usize, most: usize) -> Option<Duration> {
    if !(1..most).contains(&events) {
        return None;
    }
    GATHER.iter().find(|(fewer_than, _)| events < *fewer_than).map(|(_, wait)| *wait)
}

/// Takes events of the connections that have not reached their share. Returns an empty map if none arrive in time.
async fn take_next(
    worker: &Worker,
    cache: &mut ConnectionCache,
    slots: &mut Slots,
    stop: &CancellationToken,
) -> anyhow::Result<BTreeMap<i64, Batch>> {
    let except = slots.taken();
    if slots.is_full() {
        slots.wait(TAKE_WAITS).await;
        return Ok(BTreeMap::new());
    }
    // A waiting take would not wake up for events of the connections in `except`, so it polls instead.
    let wait = if except.is_empty() { TAKE_WAITS } else { Duration::ZERO };
    let taken = take(worker, cache, wait, &except, stop).await?;
    if taken.is_empty() && !except.is_empty() {
        slots.wait(LOOK_AGAIN).await;
    }
    Ok(taken)
}

async fn take(
    worker: &Worker,
    cache: &mut ConnectionCache,
    wait: Duration,
    except: &[i64],
    stop: &CancellationToken,
) -> anyhow::Result<BTreeMap<i64, Batch>> {
    cache.refresh(worker).await?;
    worker.audiences.refresh(worker).await?;
    let batch = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(BTreeMap::new()),
        batch = worker.queue.take_except(worker.limits.absorb_batch, wait, except) => batch?,
    };
    if batch.is_empty() {
        return Ok(BTreeMap::new());
    }
    fault_point!("absorb.taken");
    if let Err(cause) = cache.ensure(worker, batch.items.iter().filter_map(read::connection_of)).await {
        release(worker, &batch).await;
        return Err(cause.into());
    }
    Ok(batch.by_connection())
}

fn bytes(item: &Item) -> usize {
    match item {
        Item::Readable(envelope) => envelope.estimated_bytes(),
        Item::Unreadable { raw, .. } => raw.len(),
    }
}

/// One round: take once, absorb everything, acknowledge it. Returns how many envelopes there were.
///
/// # Errors
///
/// If the queue or the ledger is not available; events that were not recorded are redelivered.
pub async fn round(
    worker: &Worker,
    cache: &mut ConnectionCache,
    stop: &CancellationToken,
) -> anyhow::Result<usize> {
    let mut envelopes = 0;
    for batch in take(worker, cache, TAKE_WAITS, &[], stop).await?.into_values() {
        envelopes += batch.items.len();
        absorb(worker, cache, batch, &Answers::default(), stop).await?;
    }
    Ok(envelopes)
}

/// [`absorb`] with owned arguments, for a spawned task.
async fn absorb_owned(
    worker: Worker,
    cache: ConnectionCache,
    batch: Batch,
    answers: Arc<Answers>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    absorb(&worker, &cache, batch, &answers, &stop).await
}

/// Records a batch, then acknowledges it; returns it to the queue if it cannot be recorded.
async fn absorb(
    worker: &Worker,
    cache: &ConnectionCache,
    batch: Batch,
    answers: &Answers,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut readings = off_thread(|| read_all(worker, cache, &batch));
    for readings in readings.values_mut() {
        if let Err(cause) = former::look_up(worker, cache, readings).await {
            release(worker, &batch).await;
            return Err(cause.into());
        }
    }
    let parts = readings.into_iter().map(|(connection, readings)| async move {
        let named = readings.iter().filter_map(|reading| reading.audience.as_ref());
        worker.audiences.record_new(worker, connection, named).await?;
        let part = Part::new(worker, connection, readings, cache);
        let parts = if batch.redelivered { part.singles() } else { [part].into() };
        let recorded = pieces::record(worker, cache, parts, stop).await;
        worker.handoffs.wake(connection);
        recorded
    });
    let recorded = futures_util::future::join_all(parts).await;
    if let Err(cause) = recorded.into_iter().collect::<anyhow::Result<()>>() {
        release(worker, &batch).await;
        return Err(cause);
    }
    fault_point!("absorb.recorded");
    let envelopes = batch.items.len();
    answers.acknowledge(worker, batch).await?;
    fault_point!("absorb.acknowledged");
    worker.meters.absorbed(envelopes);
    Ok(())
}

/// Reads the envelopes, by connection. A message of an earlier version may hold envelopes of several connections.
fn read_all(worker: &Worker, cache: &ConnectionCache, batch: &Batch) -> BTreeMap<ConnectionId, Vec<Reading>> {
    let mut by_connection: BTreeMap<ConnectionId, Vec<Reading>> = BTreeMap::new();
    for item in &batch.items {
        let reading = read::read(worker, cache, item);
        by_connection.entry(reading.connection).or_default().push(reading);
    }
    by_connection
}

async fn release(worker: &Worker, batch: &Batch) {
    if let Err(lost) = worker.queue.release(batch).await {
        debug!(error = %lost, "a batch could not be given back and will be redelivered");
    }
}
