//! A batch of messages that a consumer holds until it acknowledges or releases them: all at once, or per connection.

use std::collections::BTreeMap;

use numbers::Ranges;
use uuid::Uuid;

use crate::published::Numbers;
use crate::{Item, QueueError};

/// The contents of the messages that one take found.
#[derive(Debug, Default)]
pub struct Batch {
    /// The envelopes, live before bulk (in at least every tenth take, bulk before live).
    pub items: Vec<Item>,
    /// Whether a message was delivered before. If so, process the items one by one: one of them may have crashed a worker.
    pub redelivered: bool,
    /// The messages that the items came in, in the order of the items.
    pub(crate) messages: Vec<Taken>,
}

/// A message that a taker holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// The connection of its envelopes; 0 if they may belong to several.
    pub(crate) connection: i64,
    /// Number of items in the message.
    pub(crate) items: usize,
    /// Whether it was handed out before.
    pub(crate) redelivered: bool,
    /// The take that found it.
    pub(crate) ticket: i64,
    /// The engine's id of the message.
    pub(crate) id: i64,
    /// The numbers of its events; `None` if they have none.
    pub(crate) numbers: Option<Numbers>,
}

impl Batch {
    /// An empty batch. Acknowledging it does nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Whether it has no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The numbers of its events, by the stream that they were published in ([`Published`](crate::Published)).
    #[must_use]
    pub fn numbers(&self) -> BTreeMap<Uuid, Ranges> {
        let mut streams: BTreeMap<Uuid, Ranges> = BTreeMap::new();
        for numbers in self.messages.iter().filter_map(|message| message.numbers) {
            streams.entry(numbers.stream).or_default().insert(numbers.first, numbers.last);
        }
        streams
    }

    /// Adds a message with its items.
    pub(crate) fn add(&mut self, message: Taken, items: Vec<Item>) {
        self.redelivered |= message.redelivered;
        self.messages.push(Taken { items: items.len(), ..message });
        self.items.extend(items);
    }

    /// Splits the batch by connection, so that each part can be acknowledged or released on its own. Messages of an unknown
    /// connection, which an earlier version published, are under key 0.
    #[must_use]
    pub fn by_connection(self) -> BTreeMap<i64, Self> {
        let mut batches: BTreeMap<i64, Self> = BTreeMap::new();
        let mut items = self.items.into_iter();
        for message in self.messages {
            let of_message = items.by_ref().take(message.items).collect();
            batches.entry(message.connection).or_default().add(message, of_message);
        }
        batches
    }

    /// Several batches as one, to be answered together.
    #[must_use]
    pub fn joined(batches: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for batch in batches {
            all.items.extend(batch.items);
            all.redelivered |= batch.redelivered;
            all.messages.extend(batch.messages);
        }
        all
    }

    /// Fails unless `answered`, the number of messages that were acknowledged or released, is the number of messages in the batch.
    pub(crate) fn check(&self, answered: usize) -> Result<(), QueueError> {
        match self.messages.len().saturating_sub(answered) {
            0 => Ok(()),
            messages => Err(QueueError::NotHeld { messages }),
        }
    }
}
