//! Implements the port: publishing, consuming, and observing the queue.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::rescue::Rescue;
use super::{GLANCE, POLL, SqliteQueue, TICK, TIDY_AFTER, admin, take};
use crate::{Batch, Consume, Depth, Envelope, Look, Observe, Publish, PublishError, QueueError, pack};

impl SqliteQueue {
    /// Truncates the log if events were acknowledged since, because they would stay in it. Does not wait for readers,
    /// because a process that publishes would wait too.
    async fn tidy(&self) {
        if self.untidy.swap(0, Ordering::Relaxed) == 0 {
            return;
        }
        match self.database.truncate_log(Duration::ZERO).await {
            Ok(true) => {}
            // Another process is reading; the next idle moment will do.
            Ok(false) => drop(self.untidy.fetch_add(1, Ordering::Relaxed)),
            Err(error) => tracing::warn!(%error, "the log of the queue could not be truncated"),
        }
    }

    /// Waits until something is published, in this process or, by the file's last write, in another one, but no longer than
    /// `at_most`; returns whether something may have been. `seen` is the last write before the queue was found empty.
    async fn shows_activity(&self, seen: Option<SystemTime>, at_most: Duration) -> bool {
        // A write in the same tick as the last one that was seen cannot be distinguished from it, so another look comes
        // soon.
        let is_recent = seen.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < TICK);
        let deadline = Instant::now() + if is_recent { at_most.min(TICK) } else { at_most };
        let glance = if seen.is_some() { GLANCE } else { at_most };
        let mut published = pin!(self.published.notified());
        loop {
            let next = deadline.min(Instant::now() + glance);
            if timeout_at(next, &mut published).await.is_ok() || self.database.last_write() != seen {
                return true;
            }
            if next == deadline {
                return is_recent;
            }
        }
    }

    async fn take_now(&self, max: usize, except: &[i64]) -> Result<Batch, QueueError> {
        let request = take::Request {
            max,
            except: except.to_vec(),
            served: self.served.load(Ordering::Relaxed),
            bulk_first: take::is_turn_of_bulk(self.takes.fetch_add(1, Ordering::Relaxed)),
            now: (self.clock)(),
            held_at_most: self.settings.held_at_most,
        };
        let batch = self.database.run(move |connection| take::take(connection, &request)).await?;
        match batch.messages.last() {
            Some(last) => self.served.store(last.connection, Ordering::Relaxed),
            // A take that found nothing does not use up a turn.
            None => drop(self.takes.fetch_sub(1, Ordering::Relaxed)),
        }
        Ok(batch)
    }
}

#[async_trait]
impl Publish for SqliteQueue {
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let messages = pack::pack(envelopes)?;
        if messages.is_empty() {
            return Ok(());
        }
        let max_bytes = self.settings.max_bytes;
        self.database
            .transaction(move |transaction| admin::publish(transaction, &messages, max_bytes))
            .await?;
        self.published.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Consume for SqliteQueue {
    async fn take_except(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError> {
        let deadline = (!wait.is_zero()).then(|| Instant::now() + wait);
        loop {
            let seen = self.database.last_write();
            let batch = self.take_now(max, except).await?;
            if !batch.is_empty() {
                return Ok(batch);
            }
            let left = deadline.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                if except.is_empty() {
                    self.tidy().await;
                }
                return Ok(batch);
            }
            if !self.shows_activity(seen, left.min(POLL)).await {
                self.tidy().await;
            }
        }
    }

    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError> {
        let messages = batch.messages.clone();
        let removed =
            self.database.transaction(move |transaction| admin::acknowledge(transaction, &messages)).await?;
        if self.untidy.fetch_add(1, Ordering::Relaxed) >= TIDY_AFTER {
            self.tidy().await;
        }
        batch.check(removed)
    }

    async fn release(&self, batch: &Batch) -> Result<(), QueueError> {
        let messages = batch.messages.clone();
        let released =
            self.database.transaction(move |transaction| admin::release(transaction, &messages)).await?;
        self.published.notify_one();
        batch.check(released)
    }
}

#[async_trait]
impl Observe for SqliteQueue {
    async fn depth(&self) -> Result<Depth, QueueError> {
        self.database.run(|connection| admin::depth(connection)).await
    }

    async fn oldest(&self) -> Result<Option<Timestamp>, QueueError> {
        self.database.run(|connection| admin::oldest(connection)).await
    }

    async fn stored_bytes(&self) -> Result<Option<(u64, u64)>, QueueError> {
        let bytes = self.database.run(|connection| admin::stored_bytes(connection)).await?;
        Ok(Some((bytes, self.settings.max_bytes)))
    }

    async fn prove_writing(&self) -> Result<(), QueueError> {
        let now = (self.clock)();
        self.database.transaction(move |transaction| admin::prove_writing(transaction, now)).await
    }

    async fn rescues(&self) -> Result<Vec<Rescue>, QueueError> {
        self.database.run(|connection| admin::rescues(connection)).await
    }

    async fn look(&self, limit: usize) -> Result<Look, QueueError> {
        self.database.run(move |connection| admin::look(connection, limit)).await
    }
}
