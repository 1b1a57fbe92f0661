//! Absorb: events from the queue become profiles in the ledger.

mod fold;
mod read;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use connections::{Connection, ConnectionId};
use futures_util::FutureExt as _;
use ledger::LedgerError;
use queue::Batch;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::Worker;
use crate::rules::Known;
use read::Reading;

/// How long one take waits for events.
const TAKE_WAITS: Duration = Duration::from_secs(1);
/// How often a batch is folded again because somebody else changed a graph meanwhile.
const CONFLICTS: usize = 20;
/// How long absorb rests when the queue or the ledger is not available.
const REST: Duration = Duration::from_millis(500);

/// Absorbs until `stop`. Wakes `work` when something became due.
pub async fn run(worker: &Worker, work: &Arc<Notify>, stop: &CancellationToken) {
    let mut known = Known::default();
    while !stop.is_cancelled() {
        worker.beats.beat("absorb", worker.now());
        match round(worker, &mut known, stop).await {
            Ok(0) => {}
            Ok(_) => work.notify_waiters(),
            Err(cause) => {
                warn!(cause = %chain(&cause), "absorb rests: the batch stays in the queue");
                tokio::select! { biased; () = tokio::time::sleep(REST) => {}, () = stop.cancelled() => {} }
            }
        }
    }
    worker.beats.forget("absorb");
}

/// One round: take a batch, absorb it, acknowledge it. Returns how many envelopes it had.
///
/// # Errors
///
/// If the queue or the ledger is not available; the batch then comes again.
pub async fn round(worker: &Worker, known: &mut Known, stop: &CancellationToken) -> anyhow::Result<usize> {
    known.refresh(worker).await?;
    let batch = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(0),
        batch = worker.queue.take(worker.limits.absorb_batch, TAKE_WAITS) => batch?,
    };
    if batch.is_empty() {
        return Ok(0);
    }
    fault_point!("absorb.taken");
    if let Err(cause) = absorb(worker, known, &batch).await {
        if let Err(lost) = worker.queue.release(&batch).await {
            debug!(cause = %lost, "a batch could not be given back and comes again by itself");
        }
        return Err(cause);
    }
    worker.queue.acknowledge(&batch).await?;
    fault_point!("absorb.acknowledged");
    worker.meters.absorbed(batch.items.len());
    Ok(batch.items.len())
}

/// Absorbs a batch as one, or envelope by envelope where something in it is bad or it came back from a crash.
async fn absorb(worker: &Worker, known: &mut Known, batch: &Batch) -> anyhow::Result<()> {
    known.meet(worker, batch.items.iter().filter_map(read::connection_of)).await?;
    let readings: Vec<Reading> = batch.items.iter().map(|item| read::read(worker, known, item)).collect();
    if !batch.redelivered {
        match as_one(worker, known, &readings).await {
            Ok(()) => return Ok(()),
            Err(Trouble::NotNow(cause)) => return Err(cause),
            Err(Trouble::Bad(why)) => warn!(why, "a batch is gone through envelope by envelope"),
        }
    }
    for reading in &readings {
        match as_one(worker, known, std::slice::from_ref(reading)).await {
            Ok(()) => {}
            Err(Trouble::NotNow(cause)) => return Err(cause),
            Err(Trouble::Bad(why)) => bury(worker, known, reading, &why).await?,
        }
    }
    Ok(())
}

/// Why some envelopes could not be absorbed together.
enum Trouble {
    /// The ledger is not available: nothing is wrong with them.
    NotNow(anyhow::Error),
    /// One of them, at least, makes the fold fail.
    Bad(String),
}

async fn as_one(worker: &Worker, known: &Known, readings: &[Reading]) -> Result<(), Trouble> {
    let mut by_connection: BTreeMap<ConnectionId, Vec<&Reading>> = BTreeMap::new();
    for reading in readings {
        by_connection.entry(reading.connection).or_default().push(reading);
    }
    for (connection, readings) in by_connection {
        let recorded =
            AssertUnwindSafe(for_connection(worker, known, connection, &readings)).catch_unwind().await;
        match recorded {
            Ok(Ok(())) => {}
            Ok(Err(LedgerError::Broken(why))) => return Err(Trouble::Bad(why)),
            Ok(Err(cause)) => return Err(Trouble::NotNow(cause.into())),
            Err(_) => return Err(Trouble::Bad("folding it panicked".to_owned())),
        }
    }
    Ok(())
}

async fn for_connection(
    worker: &Worker,
    known: &Known,
    connection: ConnectionId,
    readings: &[&Reading],
) -> Result<(), LedgerError> {
    let mut rules = known.rules(connection);
    let mut version = known.get(connection).map(|connection| connection.settings_version);
    for _ in 0..CONFLICTS {
        let digests = read::digests(readings);
        let events: Vec<_> = readings.iter().map(|reading| reading.event).collect();
        let gathered = worker.ledger.gather(connection, &digests, &events).await?;
        let changes = fold::fold(worker, connection, &rules, readings, gathered);
        let ends = changes.outcomes.clone();
        fault_point!("absorb.folded");
        match worker.ledger.record(changes).await {
            Ok(()) => {
                fault_point!("absorb.recorded");
                fold::count(worker, readings, &ends);
                if known.is_fresh_enough_for_a_walk(worker.now()) {
                    return Ok(());
                }
                // Settings may have changed since, and the walk for them may have passed by already. Folded once more,
                // the events are known, and their graphs are settled under the settings of now.
                let newest = newest(worker, connection).await?;
                if newest.as_ref().map(|connection| connection.settings_version) == version {
                    return Ok(());
                }
                version = newest.as_ref().map(|connection| connection.settings_version);
                rules = newest.map_or(rules, |connection| crate::rules::rules(&connection.settings));
            }
            Err(LedgerError::Conflict) => tokio::task::yield_now().await,
            Err(other) => return Err(other),
        }
    }
    Err(LedgerError::Unavailable("other workers change the same graphs without end".into()))
}

async fn newest(worker: &Worker, id: ConnectionId) -> Result<Option<Connection>, LedgerError> {
    worker.connections.by_id(id).await.map_err(|cause| LedgerError::Unavailable(cause.into()))
}

/// The one envelope that is bad dies, with its bytes.
async fn bury(worker: &Worker, known: &Known, reading: &Reading, why: &str) -> anyhow::Result<()> {
    error!(why, "an envelope cannot be absorbed and becomes a dead letter");
    let reading = read::poison(reading, why);
    let readings = [&reading];
    for_connection(worker, known, reading.connection, &readings).await?;
    Ok(())
}

fn chain(cause: &anyhow::Error) -> String {
    format!("{cause:#}")
}
