//! The times of an item, as Segment hands them on to destinations.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::node::Node;
use crate::{numbers, time};

/// What an item and its batch say about times, by the sender's clock.
pub(super) struct Stated<'a> {
    /// When it happened: `timestamp`, or `originalTimestamp`.
    pub(super) original: Option<&'a RawValue>,
    /// When it was sent: `sentAt`.
    pub(super) sent: Option<&'a RawValue>,
}

impl Stated<'_> {
    /// The time of the event by our clock: `receivedAt - (sentAt - originalTimestamp)`. What says no time happened when it
    /// was sent. `None` if `sentAt` is missing or cannot be read: then the sender's times have to do.
    ///
    /// Source: Segment's spec, "Common fields", on timestamps.
    pub(super) fn corrected(&self, received_at: Timestamp) -> Option<Timestamp> {
        let sent = readable(self.sent?)?;
        let Some(original) = self.original.and_then(readable) else { return Some(received_at) };
        received_at.checked_sub(sent.duration_since(original)).ok()
    }
}

/// The time that a value says, in whatever year: a clock that was never set still tells how long ago it was.
pub(super) fn readable(value: &RawValue) -> Option<Timestamp> {
    let json = numbers::wrapped(value.get().as_bytes());
    time::parsed(&Node::parse(&json).ok()?)
}
