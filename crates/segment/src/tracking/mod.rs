//! Requests of Segment's Tracking API, as Segment's own client libraries send them: from the bytes of a body to events as
//! Segment would deliver them to a destination.
//!
//! Source: <https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/>. The content of an event is
//! not read here; the values stay as they are written.

mod events;
mod integrations;
mod item;
mod members;
mod merged;
mod refusal;
mod times;
mod writer;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::fields::fold_key;
use crate::items::Items;
pub use crate::surrogates::readable;
pub use events::Events;
use item::Shared;
use members::Members;
pub use refusal::TrackingRefusal;

/// Maximum number of events of one batch. Source: as above, "Batch".
pub const MAX_EVENTS: usize = 2_500;

/// Maximum bytes of one event: Segment's 32 KiB, and a little for clients that count differently.
pub const MAX_EVENT_BYTES: usize = 40 * 1024;

/// Maximum bytes of all events of a batch together, with `context` and `integrations` of the batch in each of them.
pub const MAX_MERGED_BYTES: usize = 8 * 1024 * 1024;

/// The content of a request, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// One event, whose type the path names.
    Single(&'static str),
    /// A list of events under `batch`.
    Batch,
}

/// A request of which the top level has been read.
pub struct Tracking<'a> {
    write_key: Option<String>,
    batch: Option<&'a RawValue>,
    context: Option<&'a RawValue>,
    integrations: Option<&'a RawValue>,
    sent_at: Option<&'a RawValue>,
    whole: &'a RawValue,
}

impl<'a> Tracking<'a> {
    /// Reads the top level of a body that [`readable`] returned.
    ///
    /// # Errors
    ///
    /// [`TrackingRefusal::NotJson`] and [`TrackingRefusal::NotAnObject`].
    pub fn parse(body: &'a [u8]) -> Result<Self, TrackingRefusal> {
        let whole: &RawValue = serde_json::from_slice(body).map_err(TrackingRefusal::NotJson)?;
        let members = Members::of(whole).ok_or(TrackingRefusal::NotAnObject)?;
        let (batch, context, integrations, sent_at) = (None, None, None, None);
        let mut request = Self { write_key: None, batch, context, integrations, sent_at, whole };
        for (key, value) in members.0 {
            match fold_key(&key).as_str() {
                "writekey" => request.write_key = text_of(value).or(request.write_key),
                "batch" => request.batch = Some(value),
                "context" => request.context = Some(value),
                "integrations" => request.integrations = Some(value),
                "sentat" => request.sent_at = Some(value),
                _ => {}
            }
        }
        Ok(request)
    }

    /// The write key in the body.
    #[must_use]
    pub fn write_key(&self) -> Option<&str> {
        self.write_key.as_deref()
    }

    /// The events, each as JSON with the type of its path, with `context` and `integrations` of its batch, and with the
    /// times that Segment would give it; without any `writeKey`. If `integrations` disables this destination, the event
    /// says so under the destination's name. A delete becomes an untrusted one:
    /// [`Refusal::UntrustedDelete`](crate::Refusal::UntrustedDelete). Any other item is left to [`crate::read`].
    ///
    /// Each event is written when it is requested: a batch takes long enough that the caller may want to let others go
    /// first.
    ///
    /// # Errors
    ///
    /// A [`TrackingRefusal`] of the whole request, here or in place of an event. The size of the merged members is checked
    /// before any of them is merged.
    pub fn events(&self, call: Call, received_at: Timestamp) -> Result<Events<'_>, TrackingRefusal> {
        if let Call::Single(path) = call {
            return Ok(Events::new(vec![self.whole], Shared::default(), Some(path), received_at));
        }
        let batch = self.batch.ok_or(TrackingRefusal::NoBatch)?;
        let Items::<MAX_EVENTS>(items) =
            serde_json::from_str(batch.get()).map_err(|_| TrackingRefusal::NoBatch)?;
        let items = items.ok_or(TrackingRefusal::TooManyEvents)?;
        let shared = Shared::of(self.context, self.integrations, self.sent_at);
        if shared.bytes().saturating_mul(items.len()) > MAX_MERGED_BYTES {
            return Err(TrackingRefusal::TooLargeTogether);
        }
        Ok(Events::new(items, shared, None, received_at))
    }
}

fn text_of(value: &RawValue) -> Option<String> {
    let text: String = serde_json::from_str(value.get()).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
