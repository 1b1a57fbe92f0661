//! Records one connection's events: together, or in ever smaller pieces if some of them cannot be recorded.

use std::collections::VecDeque;

use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::part::{Part, PartError};
use super::read::{self, Reading};
use crate::Worker;
use crate::rules::ConnectionCache;

/// Records events. A bad event becomes a dead letter alone; events whose graphs other processes change are recorded last.
///
/// # Errors
///
/// If some of them could not be recorded: the ledger is not available, or other processes keep changing the same graphs.
pub(super) async fn record(
    worker: &Worker,
    cache: &ConnectionCache,
    mut parts: VecDeque<Part>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut deferred = Ok(());
    while let Some(part) = parts.pop_front() {
        if stop.is_cancelled() {
            anyhow::bail!("the process is stopping");
        }
        match part.record(worker, cache).await {
            Ok(()) => {}
            Err(PartError::NotNow(cause)) => return Err(cause),
            Err(PartError::Contended(cause)) => deferred = Err(cause),
            Err(PartError::Together(why)) => {
                debug!(events = part.readings().len(), error = why, "events are recorded in two pieces");
                parts.extend(part.halves());
            }
            Err(PartError::Bad(why)) => match part.readings() {
                [reading] => dead_letter(worker, cache, reading, &why).await?,
                _ => {
                    warn!(error = why, "a batch is processed in ever smaller pieces");
                    parts.extend(part.halves());
                }
            },
        }
    }
    deferred
}

/// Records the one bad envelope as a dead letter, with its bytes.
async fn dead_letter(
    worker: &Worker,
    cache: &ConnectionCache,
    reading: &Reading,
    why: &str,
) -> anyhow::Result<()> {
    error!(
        connection_id = reading.connection,
        event_id = %reading.event,
        error = why,
        "an envelope cannot be absorbed and becomes a dead letter"
    );
    let dead = Part::new(worker, reading.connection, vec![read::poison(reading, why)], cache);
    match dead.record(worker, cache).await {
        Ok(()) => Ok(()),
        Err(PartError::NotNow(cause) | PartError::Contended(cause)) => Err(cause),
        Err(PartError::Bad(why)) => {
            anyhow::bail!("an envelope can neither be absorbed nor recorded as a dead letter: {why}")
        }
        Err(PartError::Together(why)) => anyhow::bail!("one envelope cannot be divided: {why}"),
    }
}
