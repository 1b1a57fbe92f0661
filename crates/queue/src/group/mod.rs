//! Group commit: envelopes that are published at the same time are made durable together.
//!
//! A single envelope is committed at once; envelopes that arrive during a commit gather, and are the next one. So no caller
//! waits for others, and the more callers there are, the more a commit carries. The gathered envelopes are bounded, in all
//! and for each connection, so that no sender's batches keep the others' events out.
//!
//! Each lane gathers by itself: if one is full, callers of the other are not refused.

mod gathered;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::gathered::{Amount, Gathered, Waiting};
use crate::{Envelope, Lane, Publish, PublishError, pack};

/// The limits of the envelopes that gather, for each lane.
#[derive(Clone, Copy, Debug)]
pub struct GroupLimits {
    /// Envelopes that may wait, those of the running commit included.
    pub waiting: usize,
    /// Bytes that may wait, those of the running commit included.
    pub waiting_bytes: usize,
    /// Each connection may use this part of both limits, at least 1: 4 is a quarter. The envelopes that one caller
    /// publishes together may be more, if no others of its connection wait.
    pub share: usize,
    /// Envelopes of one commit; those of the last caller may exceed it.
    pub commit: usize,
    /// How long one commit may take before its envelopes count as not published.
    pub commit_time: Duration,
}

impl Default for GroupLimits {
    fn default() -> Self {
        Self {
            waiting: 16 * 1024,
            waiting_bytes: 64 * 1024 * 1024,
            share: 4,
            commit: 4 * pack::MESSAGE_ENVELOPES,
            commit_time: Duration::from_secs(4),
        }
    }
}

/// Publishes envelopes in groups. Clones share the gathered envelopes. Needs a tokio runtime.
#[derive(Clone)]
pub struct GroupCommit {
    live: Arc<Shared>,
    bulk: Arc<Shared>,
}

/// Counters of commits since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupCounts {
    /// Commits that the queue confirmed.
    pub commits: u64,
    /// Envelopes in them.
    pub envelopes: u64,
}

/// The gathered envelopes of one lane.
struct Shared {
    queue: Arc<dyn Publish>,
    limits: GroupLimits,
    gathered: Mutex<Gathered>,
    commits: AtomicU64,
    envelopes: AtomicU64,
}

impl std::fmt::Debug for GroupCommit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GroupCommit").field("limits", &self.live.limits).finish_non_exhaustive()
    }
}

impl GroupCommit {
    /// Publishes into `queue`.
    #[must_use]
    pub fn new(queue: Arc<dyn Publish>, limits: GroupLimits) -> Self {
        let lane = |queue: &Arc<dyn Publish>| Arc::new(Shared::new(Arc::clone(queue), limits));
        Self { live: lane(&queue), bulk: lane(&queue) }
    }

    /// Publishes envelopes together, those of each lane in one commit; `Ok` means that all of them are durable. An empty
    /// list is `Ok`. All are of one connection, and use its share. If the caller is cancelled before the commit has begun,
    /// the envelopes are not published; later, they are published nevertheless.
    ///
    /// # Errors
    /// [`PublishError::Busy`] if too many envelopes wait to be committed, of their connection or in all; else those of the
    /// queue. Some of the envelopes may have been published then.
    pub async fn publish_all(&self, envelopes: Vec<Envelope>) -> Result<(), PublishError> {
        for envelope in &envelopes {
            pack::check_size(envelope.estimated_bytes())?;
        }
        let (live, bulk) = envelopes.into_iter().partition(|envelope| envelope.lane == Lane::Live);
        let (live, bulk) = tokio::join!(Shared::publish(&self.live, live), Shared::publish(&self.bulk, bulk));
        live.and(bulk)
    }

    /// The number of commits and envelopes since the start.
    #[must_use]
    pub fn counts(&self) -> GroupCounts {
        let sum = |count: fn(&Shared) -> &AtomicU64| {
            [&self.live, &self.bulk].into_iter().map(|lane| count(lane).load(Ordering::Relaxed)).sum()
        };
        GroupCounts { commits: sum(|lane| &lane.commits), envelopes: sum(|lane| &lane.envelopes) }
    }
}

/// A commit took longer than its limit.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not confirm within {} ms", .0.as_millis())]
struct TooSlow(Duration);

impl Shared {
    fn new(queue: Arc<dyn Publish>, limits: GroupLimits) -> Self {
        let (gathered, commits, envelopes) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Self { queue, limits, gathered, commits, envelopes }
    }

    async fn publish(lane: &Arc<Self>, envelopes: Vec<Envelope>) -> Result<(), PublishError> {
        let Some(connection) = envelopes.first().map(|envelope| envelope.connection) else { return Ok(()) };
        let bytes = envelopes.iter().map(Envelope::estimated_bytes).sum();
        let amount = Amount { count: envelopes.len(), bytes };
        let (answer, answered) = oneshot::channel();
        if lane.lock().add(Waiting { envelopes, connection, amount, answer }, &lane.limits)? {
            tokio::spawn(Arc::clone(lane).commit_all());
        }
        // No answer means that the runtime is shutting down.
        answered.await.unwrap_or_else(|cause| Err(PublishError::unavailable(cause)))
    }

    /// Commits group after group until nothing waits.
    async fn commit_all(self: Arc<Self>) {
        // A panic below would leave `committing` set, and no commit would ever start again.
        let mut guard = CommitGuard { shared: &self, finished: false };
        let next_group = || self.lock().next_group(self.limits.commit);
        while let Some(group) = next_group() {
            self.commit(group).await;
        }
        guard.finished = true;
    }

    async fn commit(&self, group: Vec<Waiting>) {
        let (mut envelopes, mut answers, mut amounts) = (Vec::new(), Vec::new(), Vec::new());
        for waiting in group {
            amounts.push((waiting.connection, waiting.amount));
            envelopes.extend(waiting.envelopes);
            answers.push(waiting.answer);
        }
        let limit = self.limits.commit_time;
        let result = timeout(limit, self.queue.publish(&envelopes))
            .await
            .unwrap_or_else(|_| Err(PublishError::unavailable(TooSlow(limit))));
        match &result {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.envelopes.fetch_add(envelopes.len() as u64, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(
                error = %error,
                source = std::error::Error::source(error).map(tracing::field::display),
                events = envelopes.len(),
                "a group of events was not published"
            ),
        }
        let mut gathered = self.lock();
        amounts.into_iter().for_each(|(connection, amount)| gathered.forget(connection, amount));
        drop(gathered);
        for answer in answers {
            // The caller may have stopped waiting.
            drop(answer.send(result.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock()
    }
}

/// Resets the state if a commit panicked or its runtime ended: waiting callers get the error that their envelopes are not
/// published.
struct CommitGuard<'a> {
    shared: &'a Shared,
    finished: bool,
}

impl Drop for CommitGuard<'_> {
    fn drop(&mut self) {
        if !self.finished {
            *self.shared.lock() = Gathered::default();
        }
    }
}
