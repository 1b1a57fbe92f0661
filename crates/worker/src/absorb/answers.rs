//! Acknowledging: batches that end at about the same time are answered together, which the queue writes down once.

use std::sync::{Mutex, PoisonError};

use queue::{Batch, Queue, QueueError};

/// Batches that are recorded and not yet acknowledged.
#[derive(Default)]
pub(super) struct Answers {
    recorded: Mutex<Vec<Batch>>,
    turn: tokio::sync::Mutex<()>,
}

impl Answers {
    /// Acknowledges a batch, and all others that are recorded by then.
    ///
    /// # Errors
    ///
    /// If the queue does not take it; the batches that were answered with this one come again.
    pub(super) async fn acknowledge(&self, queue: &dyn Queue, batch: Batch) -> Result<(), QueueError> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
        let _turn = self.turn.lock().await;
        let recorded = std::mem::take(&mut *self.recorded.lock().unwrap_or_else(PoisonError::into_inner));
        if recorded.is_empty() {
            // Whoever had the turn before has answered it.
            return Ok(());
        }
        queue.acknowledge(&Batch::joined(recorded)).await
    }
}
