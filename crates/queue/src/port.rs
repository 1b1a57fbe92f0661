//! The port: the operations of a queue for the ingest endpoint, the worker and the operator.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::sqlite::Rescue;
use crate::{Batch, Envelope, PublishError, Published, QueueError};

/// Maximum bytes of one batch, unless its first message is larger: one connection delays another by no more work than this.
/// A thousand ordinary identifies fit.
pub const TAKE_BYTES: usize = 1024 * 1024;

/// A durable queue with two lanes. Handles may be shared; every method may be called by many tasks at once.
pub trait Queue: Publish + Consume + Observe {}

impl<Q: Publish + Consume + Observe> Queue for Q {}

/// The end of a queue at which events enter.
#[async_trait]
pub trait Publish: Send + Sync {
    /// Publishes all envelopes, each into its lane, packed into messages (see [`crate::pack`]). If it returns `Ok`, they
    /// survive a power cut. An empty slice is `Ok`.
    ///
    /// # Errors
    /// See [`PublishError`]; some of the envelopes may have been published then.
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError>;
}

/// The end of a queue at which the worker takes events out.
#[async_trait]
pub trait Consume: Send + Sync {
    /// Takes from every connection; see [`Self::take_except`].
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn take(&self, max: usize, wait: Duration) -> Result<Batch, QueueError> {
        self.take_except(max, wait, &[]).await
    }

    /// Takes whole messages until there are `max` envelopes (up to a message more) or [`TAKE_BYTES`], live before bulk; at
    /// least every tenth take begins with bulk. Connections take turns within a lane, so the events of one are never behind
    /// the backlog of another; those of `except` are skipped. Returns as soon as there is anything, and an empty batch
    /// after `wait`. The taker has to acknowledge or release it soon: messages that a crashed taker held are delivered
    /// again. Not cancel safe: messages found by a cancelled take are delivered again only like those of a crashed taker.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn take_except(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError>;

    /// Removes the batch for good, because its items have been recorded. A part of a batch ([`Batch::by_connection`]) may
    /// be answered by itself, and several batches together ([`Batch::joined`]).
    ///
    /// # Errors
    /// [`QueueError::NotHeld`] if a part of it is no longer held by this taker; the rest is removed.
    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError>;

    /// Gives the batch back at once, so that any taker can take it again.
    ///
    /// # Errors
    /// [`QueueError::NotHeld`] if a part of it is no longer held by this taker; the rest is given back.
    async fn release(&self, batch: &Batch) -> Result<(), QueueError>;
}

/// The observable state of a queue.
#[async_trait]
pub trait Observe: Send + Sync {
    /// Counts the events that wait or are not yet acknowledged.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn depth(&self) -> Result<Depth, QueueError>;

    /// Looks at events that are not yet acknowledged, the oldest first, `limit` at most, without taking them. An engine
    /// that cannot look returns none, and reports that these are not all.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn look(&self, limit: usize) -> Result<Look, QueueError>;

    /// When the oldest event that is not yet acknowledged was accepted; `None` if there is none. An engine that cannot look
    /// may know only the events that takers hold.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn oldest(&self) -> Result<Option<Timestamp>, QueueError> {
        Ok(None)
    }

    /// Bytes of messages that the queue holds, and the maximum; if lanes have room of their own, those of the fuller lane.
    /// It may be an estimate. `None` for an engine that does not know.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn stored_bytes(&self) -> Result<Option<(u64, u64)>, QueueError> {
        Ok(None)
    }

    /// Writes a row, to prove that the queue can be written. An engine that watches its connections need not do that.
    ///
    /// # Errors
    /// When the queue cannot be written.
    async fn prove_writing(&self) -> Result<(), QueueError> {
        Ok(())
    }

    /// The numbers that this handle has published so far, by stream. `None` for an engine that does not number events,
    /// because no other program can take them out of it.
    fn published(&self) -> Option<Vec<Published>> {
        None
    }

    /// Damaged files from which events were rescued, oldest first; none for an engine that repairs itself.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn rescues(&self) -> Result<Vec<Rescue>, QueueError> {
        Ok(Vec::new())
    }
}

/// One item of a message.
#[derive(Clone)]
pub enum Item {
    /// An envelope.
    Readable(Envelope),
    /// Bytes that are no envelope, or that must not be tried again: they become a dead letter with this reason.
    Unreadable {
        /// The bytes as they were found. They may still parse as an [`Envelope`].
        raw: Vec<u8>,
        /// The reason, without any part of the bytes.
        why: String,
    },
}

impl fmt::Debug for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Readable(envelope) => formatter.debug_tuple("Readable").field(envelope).finish(),
            Self::Unreadable { raw, why } => {
                formatter.debug_struct("Unreadable").field("raw_bytes", &raw.len()).field("why", why).finish()
            }
        }
    }
}

/// How many events the queue holds, waiting or not yet acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Events in the live lane.
    pub live: u64,
    /// Events in the bulk lane.
    pub bulk: u64,
}

/// The result of looking into the queue.
#[derive(Debug)]
pub struct Look {
    /// Envelopes not yet acknowledged.
    pub envelopes: Vec<Envelope>,
    /// Whether these are all.
    pub complete: bool,
}
