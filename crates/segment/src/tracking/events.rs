//! The events of a request, one after the other.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::item::{self, Shared};
use super::{MAX_EVENT_BYTES, MAX_MERGED_BYTES, TrackingRefusal};

/// Returns the events of a request as JSON: see [`Tracking::events`](super::Tracking::events).
pub struct Events<'a> {
    items: std::vec::IntoIter<&'a RawValue>,
    shared: Shared<'a>,
    path: Option<&'static str>,
    received_at: Timestamp,
    /// The number of events that were requested, and the bytes of those that were returned.
    count: usize,
    bytes: usize,
}

impl<'a> Events<'a> {
    pub(super) fn new(
        items: Vec<&'a RawValue>,
        shared: Shared<'a>,
        path: Option<&'static str>,
        received_at: Timestamp,
    ) -> Self {
        Self { items: items.into_iter(), shared, path, received_at, count: 0, bytes: 0 }
    }

    fn event(&mut self, item: &RawValue) -> Result<String, TrackingRefusal> {
        self.count += 1;
        if item.get().len() > MAX_EVENT_BYTES {
            return Err(TrackingRefusal::EventTooLarge { number: self.count });
        }
        let event = item::write(item, &self.shared, self.path, self.received_at);
        self.bytes += event.len();
        if self.bytes > MAX_MERGED_BYTES { Err(TrackingRefusal::TooLargeTogether) } else { Ok(event) }
    }
}

impl Iterator for Events<'_> {
    type Item = Result<String, TrackingRefusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.items.next()?;
        Some(self.event(item))
    }
}
