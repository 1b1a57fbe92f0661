//! Events of other programs: a message contains one plain Segment event, which is wrapped into an envelope here.
//!
//! The headers are documented in docs/rabbitmq.md. Everything that identifies the event comes from the message alone, so
//! that a message delivered twice is the same event twice.

use jiff::Timestamp;
use lapin::BasicProperties;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::message::CONNECTION_HEADER;
use super::values::{number, text};
use crate::{Envelope, FORMAT, Lane};

/// Header: when the event was accepted, in RFC 3339.
const RECEIVED_HEADER: &str = "received-at";

/// Wraps the event. The error is the reason why that is impossible, without any part of the message.
pub(super) fn wrap(
    properties: &BasicProperties,
    body: &[u8],
    lane: Lane,
    now: Timestamp,
) -> Result<Envelope, &'static str> {
    let header = |name: &str| properties.headers().as_ref().and_then(|headers| headers.inner().get(name));
    let connection = header(CONNECTION_HEADER)
        .and_then(number)
        .ok_or("not one of our messages, and its header `connection` is no connection's number")?;
    let payload: &RawValue =
        serde_json::from_slice(body).map_err(|_| "not one of our messages, and its body is not JSON")?;
    if !payload.get().starts_with('{') {
        return Err("not one of our messages, and its body is not one JSON object");
    }
    let stated = match header(RECEIVED_HEADER) {
        Some(value) => Some(
            text(value)
                .and_then(|text| text.parse::<Timestamp>().ok())
                .ok_or("its header `received-at` is not a time in RFC 3339")?,
        ),
        None => properties.timestamp().and_then(at),
    };
    let payload = payload.to_owned();
    let message_id = properties.message_id().as_ref().map(|id| id.as_str().as_bytes());
    Ok(Envelope {
        format: FORMAT,
        event_id: identity(connection, message_id.unwrap_or(body), stated),
        connection,
        lane,
        received_at: to_microsecond(stated.unwrap_or(now).min(now)),
        replay: false,
        revision: 0,
        public: false,
        payload,
    })
}

fn at(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

fn to_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// A UUIDv7 whose random part is a digest of the parts that identify the message, so that a message always gets the same
/// one.
fn identity(connection: i64, id: &[u8], stated: Option<Timestamp>) -> Uuid {
    let digest = Sha256::new().chain_update(connection.to_be_bytes()).chain_update(id).finalize();
    let mut bits = [0; 10];
    for (bit, from) in bits.iter_mut().zip(digest.iter()) {
        *bit = *from;
    }
    let millis = stated.and_then(|time| u64::try_from(time.as_millisecond()).ok()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &bits).into_uuid()
}

#[cfg(test)]
mod tests {
    use lapin::types::{AMQPValue, FieldTable};

    use super::*;

    fn properties(headers: &[(&str, AMQPValue)]) -> BasicProperties {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        BasicProperties::default().with_headers(table)
    }

    fn wrap_at(properties: &BasicProperties, body: &str, second: i64) -> Result<Envelope, &'static str> {
        wrap(properties, body.as_bytes(), Lane::Live, Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn a_message_delivered_twice_is_the_same_event() {
        let named = properties(&[("connection", AMQPValue::LongInt(7))]).with_message_id("m1".into());
        let first = wrap_at(&named, r#"{"type":"identify"}"#, 100).unwrap();
        let again = wrap_at(&named, r#"{"type":"identify"}"#, 200).unwrap();
        assert_eq!(first.event_id, again.event_id);
        assert_eq!((first.connection, first.payload.get()), (7, r#"{"type":"identify"}"#));
        assert_eq!(first.event_id.get_version_num(), 7);
        let other = properties(&[("connection", AMQPValue::LongInt(8))]).with_message_id("m1".into());
        assert_ne!(wrap_at(&other, "{}", 100).unwrap().event_id, first.event_id);
    }

    #[test]
    fn the_body_distinguishes_events_without_a_message_id() {
        let plain = properties(&[("connection", AMQPValue::LongString("7".into()))]);
        let id = |body: &str| wrap_at(&plain, body, 100).unwrap().event_id;
        assert_eq!(id(r#"{"a":1}"#), id(r#"{"a":1}"#));
        assert_ne!(id(r#"{"a":1}"#), id(r#"{"a":2}"#));
    }

    #[test]
    fn a_stated_time_counts_unless_it_lies_ahead() {
        let stated = |text: &str| {
            properties(&[
                ("connection", AMQPValue::LongInt(7)),
                ("received-at", AMQPValue::LongString(text.into())),
            ])
        };
        let second = |properties: &BasicProperties| {
            wrap_at(properties, "{}", 1000).map(|envelope| envelope.received_at.as_second())
        };
        assert_eq!(second(&stated("1970-01-01T00:01:40Z")), Ok(100));
        assert_eq!(second(&stated("2970-01-01T00:00:00Z")), Ok(1000));
        assert!(second(&stated("yesterday")).is_err());
        let property = properties(&[("connection", AMQPValue::LongInt(7))]).with_timestamp(50);
        assert_eq!(second(&property), Ok(50));
    }

    #[test]
    fn bodies_that_are_no_events_are_refused_with_a_reason() {
        let plain = properties(&[("connection", AMQPValue::LongInt(7))]);
        assert!(wrap_at(&plain, "not json", 1).is_err());
        assert!(wrap_at(&plain, "[1]", 1).is_err());
        assert!(wrap_at(&BasicProperties::default(), "{}", 1).is_err());
    }
}
