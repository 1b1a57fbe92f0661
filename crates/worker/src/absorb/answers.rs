//! Acknowledges batches. Those that end at about the same time are noted and acknowledged together, in one write to the ledger
//! and one to the queue.

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
    /// Notes the arrivals, then acknowledges a batch, and all others that are recorded by then. In this order, because an event
    /// that is acknowledged but not noted would count as missing forever.
    ///
    /// # Errors
    ///
    /// If the ledger or the queue cannot be written; all batches that were to be acknowledged together are redelivered.
    pub(super) async fn acknowledge(&self, worker: &Worker, batch: Batch) -> anyhow::Result<()> {
        self.recorded.lock().push(batch);
        let _turn = self.turn.lock().await;
        let recorded = std::mem::take(&mut *self.recorded.lock());
        if recorded.is_empty() {
            // The task that had the turn before has acknowledged it.
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
