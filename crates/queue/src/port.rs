//! The port: what the door, the worker and the operator ask of a queue.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::sqlite::Rescue;
use crate::{Envelope, PublishError, QueueError};

/// A durable queue with two lanes. Handles may be shared; every method may be called by many tasks at once.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Publishes all envelopes, each into its lane, packed into messages (see [`crate::pack`]). When this returns `Ok`
    /// they survive a power cut. Nothing to publish is `Ok`.
    ///
    /// # Errors
    /// See [`PublishError`]; some of the envelopes may have been published then.
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError>;

    /// Takes whole messages until there are `max` envelopes (up to a message more), live before bulk; at least every
    /// tenth take begins with bulk. Returns as soon as there is anything, and an empty batch after `wait`. The taker
    /// has to acknowledge or release it soon: what a crashed taker held comes back. Await it to its end: what a dropped
    /// take had found comes back only as a crashed taker's.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn take(&self, max: usize, wait: Duration) -> Result<Batch, QueueError>;

    /// Removes the batch for good: what is in it has been recorded.
    ///
    /// # Errors
    /// [`QueueError::NotHeld`] when part of it is not ours any more; the rest is removed.
    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError>;

    /// Gives the batch back at once, to be taken again by anybody.
    ///
    /// # Errors
    /// [`QueueError::NotHeld`] when part of it is not ours any more; the rest is given back.
    async fn release(&self, batch: &Batch) -> Result<(), QueueError>;

    /// Counts the events that wait or are not yet acknowledged.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn depth(&self) -> Result<Depth, QueueError>;

    /// Looks at events that are not yet acknowledged, the oldest first, `limit` at most, without taking them. An engine
    /// that cannot look returns none, and says that this is not all.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn look(&self, limit: usize) -> Result<Look, QueueError>;

    /// Damaged files from which events were rescued, oldest first; none for an engine that repairs itself.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn rescues(&self) -> Result<Vec<Rescue>, QueueError> {
        Ok(Vec::new())
    }
}

/// One thing out of a message.
#[derive(Clone)]
pub enum Item {
    /// An envelope.
    Readable(Envelope),
    /// Bytes that are none, or that must not be tried again: bury them with their reason.
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

/// What one take gave.
#[derive(Debug)]
pub struct Batch {
    /// Its contents, live before bulk unless it was bulk's turn.
    pub items: Vec<Item>,
    /// Whether any of it was handed out before: go through it one by one.
    pub redelivered: bool,
    pub(crate) receipt: Receipt,
}

impl Batch {
    /// A batch of nothing, which may be acknowledged.
    #[must_use]
    pub fn empty() -> Self {
        Self { items: Vec::new(), redelivered: false, receipt: Receipt { ticket: 0, messages: 0 } }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// What an engine recognises a batch by.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub(crate) ticket: i64,
    pub(crate) messages: usize,
}

impl Receipt {
    /// Whether all messages were answered.
    pub(crate) fn check(&self, answered: usize) -> Result<(), QueueError> {
        match self.messages.saturating_sub(answered) {
            0 => Ok(()),
            messages => Err(QueueError::NotHeld { messages }),
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

/// What a look into the queue showed.
#[derive(Debug)]
pub struct Look {
    /// Envelopes not yet acknowledged.
    pub envelopes: Vec<Envelope>,
    /// Whether these are all.
    pub complete: bool,
}
