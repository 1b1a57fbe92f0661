//! The times of an item, as Segment passes them on to destinations.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::node::Node;
use crate::{numbers, time};

/// A value that states a time, in any year: a clock that was never set still shows how long ago it was.
#[derive(Clone, Copy)]
pub(super) struct Timed<'a> {
    pub(super) value: &'a RawValue,
    time: Timestamp,
}

impl<'a> Timed<'a> {
    /// The time that a value states; `None` if it states none.
    pub(super) fn of(value: &'a RawValue) -> Option<Self> {
        let json = numbers::wrapped(value.get().as_bytes());
        let time = time::parsed(&Node::parse(&json).ok()?)?;
        Some(Self { value, time })
    }
}

/// The time of an event by our clock: `receivedAt - (sentAt - originalTimestamp)`; the two times in brackets are by the
/// sender's clock. An event without a time happened when it was sent. `None` if the result is out of range: then the
/// sender's times are used, as without any `sentAt`.
///
/// Source: Segment's spec, "Common fields", on timestamps.
pub(super) fn corrected(
    original: Option<Timed<'_>>,
    sent: Timed<'_>,
    received_at: Timestamp,
) -> Option<Timestamp> {
    let Some(original) = original else { return Some(received_at) };
    received_at.checked_sub(sent.time.duration_since(original.time)).ok()
}
