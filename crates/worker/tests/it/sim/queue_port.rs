//! The queue as one process reaches it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use queue::sqlite::SqliteQueue;
use queue::{Batch, Consume, Depth, Envelope, Look, Observe, Publish, PublishError, QueueError};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::life::Life;

/// How often an empty-handed taker looks again: what a dead taker held rings no bell.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct QueuePort {
    pub(crate) life: Arc<Life>,
    pub(crate) inner: SqliteQueue,
    /// Rings when something was published.
    pub(crate) bell: Arc<Notify>,
}

fn unavailable() -> QueueError {
    QueueError::Unavailable { cause: "a fault of the simulation".into() }
}

#[async_trait]
impl Publish for QueuePort {
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let failed = || PublishError::unavailable(std::io::Error::other("a fault of the simulation"));
        self.life.take(self.inner.publish(envelopes), failed).await
    }
}

#[async_trait]
impl Consume for QueuePort {
    /// Looks for itself instead of letting the engine poll every few milliseconds, which costs the simulation its pace.
    async fn take_except(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError> {
        let deadline = Instant::now() + wait;
        loop {
            let batch =
                self.life.take(self.inner.take_except(max, Duration::ZERO, except), unavailable).await?;
            if !batch.is_empty() || Instant::now() >= deadline {
                return Ok(batch);
            }
            let look = deadline.min(Instant::now() + LOOK_AGAIN);
            drop(timeout_at(look, self.bell.notified()).await);
        }
    }

    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError> {
        self.life.take(self.inner.acknowledge(batch), unavailable).await
    }

    async fn release(&self, batch: &Batch) -> Result<(), QueueError> {
        let released = self.life.take(self.inner.release(batch), unavailable).await;
        self.bell.notify_one();
        released
    }
}

#[async_trait]
impl Observe for QueuePort {
    async fn depth(&self) -> Result<Depth, QueueError> {
        self.life.take(self.inner.depth(), unavailable).await
    }

    async fn look(&self, limit: usize) -> Result<Look, QueueError> {
        self.life.take(self.inner.look(limit), unavailable).await
    }
}
