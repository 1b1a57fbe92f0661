//! Acknowledging: batches that end at about the same time are noted and answered together, which ledger and queue write
//! down once.

use parking_lot::Mutex;
use queue::Batch;

use super::release;
use crate::Worker;

/// Batches that are recorded and not yet acknowledged.
#[derive(Default)]
pub(super) struct Answers {
    recorded: Mutex<Vec<Batch>>,
    turn: tokio::sync::Mutex<()>,
}

impl Answers {
    /// Notes what has arrived, then acknowledges a batch, and all others that are recorded by then. In this order: an event
    /// that is acknowledged but not noted would count as missing forever.
    ///
    /// # Errors
    ///
    /// If the ledger or the queue does not take it; the batches that were answered with this one come again.
    pub(super) async fn acknowledge(&self, worker: &Worker, batch: Batch) -> anyhow::Result<()> {
        self.recorded.lock().push(batch);
        let _turn = self.turn.lock().await;
        let recorded = std::mem::take(&mut *self.recorded.lock());
        if recorded.is_empty() {
            // Whoever had the turn before has answered it.
            return Ok(());
        }
        let recorded = Batch::joined(recorded);
        let numbers = recorded.numbers();
        if !numbers.is_empty()
            && let Err(cause) = worker.ledger.note_arrivals(&numbers).await
        {
            release(worker, &recorded).await;
            return Err(cause.into());
        }
        fault_point!("absorb.noted");
        Ok(worker.queue.acknowledge(&recorded).await?)
    }
}
