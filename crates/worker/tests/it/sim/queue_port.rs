//! The queue as one process reaches it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use queue::sqlite::SqliteQueue;
use queue::{Batch, Consume, Depth, Envelope, Look, Observe, Publish, PublishError, QueueError};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::process::Process;

/// How often a waiting taker looks again: nothing notifies it when messages of a dead taker come back.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct QueuePort {
    pub(crate) process: Arc<Process>,
    pub(crate) inner: SqliteQueue,
    /// Notified when something is published.
    pub(crate) published: Arc<Notify>,
}

fn unavailable() -> QueueError {
    QueueError::Unavailable { cause: "a fault of the simulation".into() }
}

#[async_trait]
impl Publish for QueuePort {
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let failed = || PublishError::unavailable(std::io::Error::other("a fault of the simulation"));
        self.process.run(self.inner.publish(envelopes), failed).await
    }
}

#[async_trait]
impl Consume for QueuePort {
    /// Waits by itself instead of letting the engine poll every few milliseconds, which would slow the simulation down.
    async fn take_except(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError> {
        let deadline = Instant::now() + wait;
        loop {
            let batch =
                self.process.run(self.inner.take_except(max, Duration::ZERO, except), unavailable).await?;
            if !batch.is_empty() || Instant::now() >= deadline {
                return Ok(batch);
            }
            let look = deadline.min(Instant::now() + LOOK_AGAIN);
            drop(timeout_at(look, self.published.notified()).await);
        }
    }

    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError> {
        self.process.run(self.inner.acknowledge(batch), unavailable).await
    }

    async fn release(&self, batch: &Batch) -> Result<(), QueueError> {
        let released = self.process.run(self.inner.release(batch), unavailable).await;
        self.published.notify_one();
        released
    }
}

#[async_trait]
impl Observe for QueuePort {
    async fn depth(&self) -> Result<Depth, QueueError> {
        self.process.run(self.inner.depth(), unavailable).await
    }

    async fn look(&self, limit: usize) -> Result<Look, QueueError> {
        self.process.run(self.inner.look(limit), unavailable).await
    }
}
