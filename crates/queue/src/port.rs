//! The port: what the ingest endpoint, the worker and the operator ask of a queue.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::sqlite::Rescue;
use crate::{Batch, Envelope, PublishError, Published, QueueError};

/// Upper limit of bytes in one batch, unless its first message is larger: the longest slice of work that one connection
/// puts before another's. A thousand ordinary identifies fit.
pub const TAKE_BYTES: usize = 1024 * 1024;

/// A durable queue with two lanes. Handles may be shared; every method may be called by many tasks at once.
pub trait Queue: Publish + Consume + Observe {}

impl<Q: Publish + Consume + Observe> Queue for Q {}

/// The end of a queue at which events enter.
#[async_trait]
pub trait Publish: Send + Sync {
    /// Publishes all envelopes, each into its lane, packed into messages (see [`crate::pack`]). When this returns `Ok`
    /// they survive a power cut. Nothing to publish is `Ok`.
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

    /// Takes whole messages until there are `max` envelopes (up to a message more) or [`TAKE_BYTES`], live before bulk;
    /// at least every tenth take begins with bulk. Connections take turns within a lane, so the events of one are never
    /// behind the backlog of another; those of `except` are passed over. Returns as soon as there is anything, and an
    /// empty batch after `wait`. The taker has to acknowledge or release it soon: messages that a crashed taker held
    /// come back. Not cancel safe: messages found by a cancelled take come back only as a crashed taker's.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn take_except(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError>;

    /// Removes the batch for good: what is in it has been recorded. A part of a batch ([`Batch::by_connection`]) may be
    /// answered by itself, and several batches together ([`Batch::joined`]).
    ///
    /// # Errors
    /// [`QueueError::NotHeld`] when part of it is not ours any more; the rest is removed.
    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError>;

    /// Gives the batch back at once, to be taken again by anybody.
    ///
    /// # Errors
    /// [`QueueError::NotHeld`] when part of it is not ours any more; the rest is given back.
    async fn release(&self, batch: &Batch) -> Result<(), QueueError>;
}

/// What a queue says of itself.
#[async_trait]
pub trait Observe: Send + Sync {
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

    /// When the oldest event that is not yet acknowledged was accepted. `None` where there is none; an engine that cannot
    /// look may know it of those only that somebody has taken.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn oldest(&self) -> Result<Option<Timestamp>, QueueError> {
        Ok(None)
    }

    /// Bytes of messages that the queue holds, and how many it may, in the lane that is fuller where lanes have room of their
    /// own; it may be an estimate. `None` for an engine that does not know.
    ///
    /// # Errors
    /// When the queue is unavailable.
    async fn stored_bytes(&self) -> Result<Option<(u64, u64)>, QueueError> {
        Ok(None)
    }

    /// Writes a row, to prove that the queue can be written. An engine that watches its links need not.
    ///
    /// # Errors
    /// When the queue cannot be written.
    async fn prove_writing(&self) -> Result<(), QueueError> {
        Ok(())
    }

    /// What this handle has published so far, by stream. `None` for an engine that does not number what it publishes,
    /// because nobody but the program can take anything out of it.
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

/// One thing out of a message.
#[derive(Clone)]
pub enum Item {
    /// An envelope.
    Readable(Envelope),
    /// Bytes that are none, or that must not be tried again: they become a dead letter with this reason.
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

/// What a look into the queue showed.
#[derive(Debug)]
pub struct Look {
    /// Envelopes not yet acknowledged.
    pub envelopes: Vec<Envelope>,
    /// Whether these are all.
    pub complete: bool,
}
