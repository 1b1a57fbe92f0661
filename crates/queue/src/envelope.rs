//! The wrapper that the ingest endpoint puts around an event, and that the queue carries.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// The newest envelope format that this program writes and reads. An envelope of a newer format stays in the queue for a
/// newer program.
pub const FORMAT: u16 = 1;

/// The two lanes of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Events of persons' own actions: served first.
    Live,
    /// Engage syncs and files: served when the live lane leaves room, and never starved.
    Bulk,
}

/// One accepted event. Fields that this version does not know are ignored when it is read.
#[derive(Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// The version of this structure, [`FORMAT`] when we write it.
    pub format: u16,
    /// The identity of the event, a UUIDv7 given at acceptance.
    pub event_id: Uuid,
    /// The row id of its connection.
    pub connection: i64,
    /// The lane in which it waits.
    pub lane: Lane,
    /// When the ingest endpoint accepted it, to the microsecond.
    pub received_at: Timestamp,
    /// Whether an operator replays an event that had ended.
    #[serde(default)]
    pub replay: bool,
    /// How often an operator has repaired the event.
    #[serde(default)]
    pub revision: u32,
    /// Whether it came with a write key, which anybody can read out of a web page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// The event as it came, less any API key in it.
    pub payload: Box<RawValue>,
}

impl Envelope {
    /// About the bytes that this envelope takes in a message: the payload, and a little for the other fields.
    #[must_use]
    pub fn estimated_bytes(&self) -> usize {
        /// Maximum bytes of the fields beside the payload, as JSON.
        const REST: usize = 256;
        self.payload.get().len() + REST
    }
}

impl fmt::Debug for Envelope {
    /// Leaves the payload out, because it is personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Envelope")
            .field("format", &self.format)
            .field("event_id", &self.event_id)
            .field("connection", &self.connection)
            .field("lane", &self.lane)
            .field("received_at", &self.received_at)
            .field("replay", &self.replay)
            .field("revision", &self.revision)
            .field("payload_bytes", &self.payload.get().len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_with_fields_of_a_later_version_is_read() {
        let text = r#"{"format":1,"event_id":"0193b5c0-0000-7000-8000-000000000000","connection":7,"lane":"bulk",
            "received_at":"2026-01-02T03:04:05.678901Z","payload":{"a" : [1, 2]},"later":true}"#;
        let envelope: Envelope = serde_json::from_str(text).unwrap();
        assert_eq!(envelope.lane, Lane::Bulk);
        assert_eq!((envelope.replay, envelope.revision), (false, 0));
        assert_eq!(envelope.payload.get(), r#"{"a" : [1, 2]}"#);
    }

    #[test]
    fn debug_output_shows_nothing_of_the_payload() {
        let envelope = Envelope {
            format: FORMAT,
            event_id: Uuid::nil(),
            connection: 1,
            lane: Lane::Live,
            received_at: Timestamp::UNIX_EPOCH,
            replay: false,
            revision: 0,
            public: false,
            payload: RawValue::from_string(r#"{"email":"ann@example.org"}"#.to_owned()).unwrap(),
        };
        assert!(!format!("{envelope:?}").contains("example.org"));
        assert!(serde_json::to_string(&envelope).unwrap().len() <= envelope.estimated_bytes());
    }
}
