//! The form of a message on the wire: its properties, and how they are read back.

use super::values::{integer, number, text};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use uuid::Uuid;

use crate::FORMAT;
use crate::pack::{self, Message};
use crate::published::Numbers;

/// The `type` property of our own messages.
pub const TYPE: &str = "refersion-destination.envelopes";

/// Header: the newest envelope format in the message.
const FORMAT_HEADER: &str = "format";
/// Header: how many events are in the message.
const EVENTS_HEADER: &str = "events";
/// Header: the number of the connection of all events in the message, as an integer or in decimal digits.
pub(super) const CONNECTION_HEADER: &str = "connection";
/// Header: the stream that the message was published in, see [`crate::Published`].
const STREAM_HEADER: &str = "stream";
/// Header: the numbers of the events in that stream, the first and the last, as `17-272`.
const NUMBERS_HEADER: &str = "numbers";
/// Header: set when a message has been through the poison queue once.
const RESCUED_HEADER: &str = "rescued";
/// The broker's header: deliveries so far that ended without an answer. Source: RabbitMQ, quorum queues.
const DELIVERY_COUNT_HEADER: &str = "x-delivery-count";
/// The broker's header: the queue that a dead-lettered message came from.
const FIRST_DEATH_HEADER: &str = "x-first-death-queue";

/// AMQP's mark for messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// A message to publish.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) key: String,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
    /// The numbers of its events, if they have any.
    pub(super) numbers: Option<Numbers>,
}

impl Outgoing {
    /// A message for which no queue is bound: the broker returns it.
    pub(super) fn unroutable() -> Self {
        let (key, properties) = ("nowhere".to_owned(), BasicProperties::default());
        Self { key, properties, body: Vec::new(), numbers: None }
    }
}

/// A message of envelopes for the queue behind `key`, accepted at this second.
pub(super) fn outgoing(
    message: Message,
    key: String,
    numbers: Option<Numbers>,
    accepted_at: Option<u64>,
) -> Outgoing {
    let mut headers = FieldTable::default();
    headers.insert(FORMAT_HEADER.into(), AMQPValue::LongLongInt(i64::from(message.format)));
    let events = i64::try_from(message.events).unwrap_or(i64::MAX);
    headers.insert(EVENTS_HEADER.into(), AMQPValue::LongLongInt(events));
    headers.insert(CONNECTION_HEADER.into(), AMQPValue::LongLongInt(message.connection));
    write_numbers(&mut headers, numbers);
    let properties = BasicProperties::default()
        .with_type(TYPE.into())
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers);
    let properties = match accepted_at {
        Some(second) => properties.with_timestamp(second),
        None => properties,
    };
    Outgoing { key, properties, body: message.body, numbers }
}

/// Writes the numbers into the headers.
fn write_numbers(headers: &mut FieldTable, numbers: Option<Numbers>) {
    let Some(Numbers { stream, first, last }) = numbers else { return };
    headers.insert(STREAM_HEADER.into(), AMQPValue::LongString(stream.to_string().into()));
    headers.insert(NUMBERS_HEADER.into(), AMQPValue::LongString(format!("{first}-{last}").into()));
}

/// The information in the properties of a delivery.
pub(super) struct Marks<'a> {
    properties: &'a BasicProperties,
}

impl<'a> Marks<'a> {
    pub(super) fn of(properties: &'a BasicProperties) -> Self {
        Self { properties }
    }

    fn header(&self, name: &str) -> Option<&'a AMQPValue> {
        self.properties.headers().as_ref()?.inner().get(name)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.header(name).and_then(integer)
    }

    /// Whether it is one of our own messages, or of the same form.
    pub(super) fn is_ours(&self) -> bool {
        self.properties.kind().as_ref().is_some_and(|kind| kind.as_str() == TYPE)
    }

    /// Whether it is one of our own messages that only a newer program can read.
    pub(super) fn is_newer(&self) -> bool {
        self.is_ours() && self.number(FORMAT_HEADER).unwrap_or(0) > i64::from(FORMAT)
    }

    /// How many events there are in the message, at least one.
    pub(super) fn events(&self, body: &[u8]) -> usize {
        let stated = self.number(EVENTS_HEADER).and_then(|events| usize::try_from(events).ok());
        stated.unwrap_or_else(|| pack::split(body).len()).clamp(1, pack::MESSAGE_ENVELOPES)
    }

    /// The second in which it was accepted; only for our own messages, because others may contain anything there.
    pub(super) fn accepted_at(&self) -> Option<u64> {
        self.properties.timestamp().filter(|_| self.is_ours())
    }

    /// The newest envelope format in it.
    pub(super) fn format(&self) -> u16 {
        self.number(FORMAT_HEADER).and_then(|format| u16::try_from(format).ok()).unwrap_or(FORMAT)
    }

    /// The connection of all its events; 0 if they may belong to several, because an older program published them.
    pub(super) fn connection(&self) -> i64 {
        self.header(CONNECTION_HEADER).and_then(number).unwrap_or(0)
    }

    /// The numbers of its events in the stream that they were published in.
    pub(super) fn numbers(&self) -> Option<Numbers> {
        if !self.is_ours() {
            return None;
        }
        let stream = Uuid::parse_str(&self.header(STREAM_HEADER).and_then(text)?).ok()?;
        let numbers = self.header(NUMBERS_HEADER).and_then(text)?;
        let (first, last) = numbers.split_once('-')?;
        Some(Numbers { stream, first: first.parse().ok()?, last: last.parse().ok()? })
    }

    /// The numbers of each of its `parts` parts, in their order; the last part gets all that are left.
    pub(super) fn numbers_of_parts(&self, parts: usize) -> Vec<Option<Numbers>> {
        let Some(Numbers { stream, first, last }) = self.numbers() else { return vec![None; parts] };
        let part = |place: usize| {
            let first = first.saturating_add(place as u64);
            let last = if place + 1 == parts { last } else { first };
            (first <= last).then_some(Numbers { stream, first, last })
        };
        (0..parts).map(part).collect()
    }

    /// Whether it has been in the poison queue before.
    pub(super) fn rescued(&self) -> bool {
        self.header(RESCUED_HEADER).is_some()
    }

    /// Deliveries so far that ended without an answer.
    pub(super) fn lost(&self) -> i64 {
        self.number(DELIVERY_COUNT_HEADER).unwrap_or(0)
    }

    pub(super) fn died_in(&self) -> Option<String> {
        self.header(FIRST_DEATH_HEADER).and_then(text)
    }

    /// The properties for publishing it again: those that we read, without those that the broker added, and with the mark
    /// of a rescue. Others are left out; with another program's `user-id` the broker would refuse the message.
    pub(super) fn for_another_round(&self, events: usize, numbers: Option<Numbers>) -> BasicProperties {
        let mut headers = FieldTable::default();
        for (name, value) in self.properties.headers().iter().flat_map(FieldTable::inner) {
            if !name.as_str().starts_with("x-") && ![STREAM_HEADER, NUMBERS_HEADER].contains(&name.as_str()) {
                headers.insert(name.clone(), value.clone());
            }
        }
        headers.insert(RESCUED_HEADER.into(), AMQPValue::Boolean(true));
        write_numbers(&mut headers, numbers);
        if self.is_ours() {
            headers.insert(EVENTS_HEADER.into(), AMQPValue::LongLongInt(i64::try_from(events).unwrap_or(1)));
        }
        let stated = self.properties;
        let mut kept = BasicProperties::default().with_headers(headers).with_delivery_mode(PERSISTENT);
        if let Some(kind) = stated.kind() {
            kept = kept.with_type(kind.clone());
        }
        if let Some(content_type) = stated.content_type() {
            kept = kept.with_content_type(content_type.clone());
        }
        if let Some(id) = stated.message_id() {
            kept = kept.with_message_id(id.clone());
        }
        if let Some(time) = stated.timestamp() {
            kept = kept.with_timestamp(*time);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_published_again_keeps_its_id_and_time_and_no_user_or_expiry() {
        let properties = BasicProperties::default()
            .with_user_id("somebody".into())
            .with_expiration("1000".into())
            .with_message_id("m1".into())
            .with_timestamp(7);
        let kept = Marks::of(&properties).for_another_round(1, None);
        assert_eq!((kept.user_id(), kept.expiration()), (&None, &None));
        assert_eq!(kept.message_id(), properties.message_id());
        assert_eq!(*kept.timestamp(), Some(7));
        assert!(Marks::of(&kept).rescued());
    }

    #[test]
    fn numbers_stay_with_their_events_when_a_message_is_split() {
        let stream = Uuid::from_u128(7);
        let numbers = Some(Numbers { stream, first: 17, last: 19 });
        let message = Message {
            lane: crate::Lane::Live,
            connection: 1,
            events: 3,
            format: 1,
            body: b"[1,2,3]".to_vec(),
        };
        let sent = outgoing(message, "live".to_owned(), numbers, None);
        let marks = Marks::of(&sent.properties);
        assert_eq!(marks.numbers(), numbers);
        let of_parts = |parts| -> Vec<_> {
            marks.numbers_of_parts(parts).into_iter().map(|it| it.map(|it| (it.first, it.last))).collect()
        };
        assert_eq!(of_parts(3), [Some((17, 17)), Some((18, 18)), Some((19, 19))]);
        assert_eq!(of_parts(1), [Some((17, 19))], "a body that cannot be taken apart");
        let again = marks.for_another_round(1, marks.numbers_of_parts(3)[1]);
        assert_eq!(Marks::of(&again).numbers(), Some(Numbers { stream, first: 18, last: 18 }));
        let foreign = BasicProperties::default();
        assert_eq!(Marks::of(&foreign).numbers_of_parts(2), [None, None]);
    }
}
