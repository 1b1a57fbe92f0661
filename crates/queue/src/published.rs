//! The events that an engine has published, numbered, so that the absorbing process can find those that never arrived.
//!
//! A *stream* is the sequence of events that one process publishes to one queue of the broker. Its events are numbered from
//! 1 in the order of publishing. The numbers travel with the messages, also when a message is moved to another lane or
//! comes back from the poison queue. A number counts as published once the broker has confirmed it; others may be in the
//! queue or not.

use jiff::Timestamp;
use numbers::Ranges;
use uuid::Uuid;

use crate::Lane;

/// A stream, up to its present end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The name of the stream: random, for each process start and queue.
    pub stream: Uuid,
    /// The name of the queue.
    pub queue: String,
    /// Its lane.
    pub lane: Lane,
    /// When the engine was started.
    pub started_at: Timestamp,
    /// When something was published last.
    pub last_at: Timestamp,
    /// The numbers that the broker confirmed. If there are too many ranges, the lowest are left out.
    pub confirmed: Ranges,
    /// Numbers with the time at which they were given, in order; some numbers only.
    pub marks: Vec<(u64, Timestamp)>,
}

/// The numbers of one message's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) stream: Uuid,
    pub(crate) first: u64,
    pub(crate) last: u64,
}
