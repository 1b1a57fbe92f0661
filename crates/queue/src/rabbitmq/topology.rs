//! The exchange and the queues, declared by whoever comes first.
//!
//! Declaring again with the same arguments changes nothing; with others the broker answers 406, which becomes
//! [`RabbitError::Mismatch`]. <https://www.rabbitmq.com/docs/queues#property-equivalence>

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};
use tokio::time::sleep;

use super::RabbitError;
use super::error::within;
use super::options::{LANE_QUEUES, Options};
use crate::Lane;

/// Deliveries that end without an answer before a message goes to the poison queue.
pub const DELIVERY_LIMIT: u32 = 10;

/// The poison queue's own limit, which must never act: there is nowhere else to go. RabbitMQ 4 would take 20 if it were
/// left out, and drop the message then.
const NO_DELIVERY_LIMIT: u32 = 1_000_000;

/// Whence a message comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Lane(Lane),
    Poison,
}

/// One queue of ours.
#[derive(Clone, Debug)]
pub(super) struct QueueName {
    pub(super) source: Source,
    /// The queue's name, such as `segment.live.2`.
    pub(super) name: String,
    /// Its routing key, such as `live.2`.
    pub(super) key: String,
}

/// All names, worked out from the options.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    pub(super) exchange: String,
    pub(super) queues: Vec<QueueName>,
    max_bytes: [u64; 2],
}

impl Topology {
    pub(super) fn new(options: &Options) -> Result<Self, RabbitError> {
        check(options)?;
        let lanes = [(Lane::Live, options.live_queues), (Lane::Bulk, options.bulk_queues)];
        let mut queues = Vec::new();
        for (lane, count) in lanes {
            for number in 0..count {
                let key = match number {
                    0 => lane_key(lane).to_owned(),
                    _ => format!("{}.{number}", lane_key(lane)),
                };
                queues.push(QueueName {
                    source: Source::Lane(lane),
                    name: format!("{}.{key}", options.prefix),
                    key,
                });
            }
        }
        let key = "poison".to_owned();
        queues.push(QueueName { source: Source::Poison, name: format!("{}.{key}", options.prefix), key });
        let max_bytes = lanes.map(|(_, count)| (options.max_bytes / u64::from(count)).max(1));
        Ok(Self { exchange: options.prefix.clone(), queues, max_bytes })
    }

    /// Bytes that may wait in each lane: live, then bulk.
    pub(super) fn lane_limits(&self) -> [u64; 2] {
        let queues = |lane| self.keys(lane).len() as u64;
        [Lane::Live, Lane::Bulk].map(|lane| self.max_bytes[usize::from(lane == Lane::Bulk)] * queues(lane))
    }

    /// The routing keys of a lane.
    pub(super) fn keys(&self, lane: Lane) -> Vec<String> {
        let of_lane = |queue: &&QueueName| queue.source == Source::Lane(lane);
        self.queues.iter().filter(of_lane).map(|queue| queue.key.clone()).collect()
    }

    /// The lane of a queue by its name, as the broker's dead-letter headers give it.
    pub(super) fn lane_of(&self, queue: &str) -> Option<Lane> {
        match self.queues.iter().find(|known| known.name == queue)?.source {
            Source::Lane(lane) => Some(lane),
            Source::Poison => None,
        }
    }

    /// Declares everything, the poison queue and its binding first. Nothing can be published before the exchange and the
    /// bindings are there, and these come only after new queues had time to settle, see [`Options::settle_time`]. So
    /// whoever finds them all may publish at once, also where somebody else has just made them.
    pub(super) async fn declare(
        &self,
        connection: &Connection,
        options: &Options,
    ) -> Result<(), RabbitError> {
        let limit = options.answer_time;
        let is_new = self.is_incomplete(connection, options).await?;
        if is_new && !options.declares {
            self.may_declare(connection, limit).await?;
            return Err(RabbitError::NotDeclared { exchange: self.exchange.clone() });
        }
        let channel = within(limit, "opening a channel", connection.create_channel()).await?;
        for queue in self.queues.iter().rev() {
            let durable = QueueDeclareOptions { durable: true, ..Default::default() };
            let arguments = self.arguments(queue.source);
            let declaring = channel.queue_declare(queue.name.as_str().into(), durable, arguments);
            self.explained(within(limit, "declaring a queue", declaring).await, &queue.name)?;
        }
        if is_new {
            tracing::info!(exchange = self.exchange, "queues were made; they get a moment to settle");
            sleep(options.settle_time).await;
        }
        let exchange = self.exchange.as_str();
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let nothing = FieldTable::default();
        let declaring = channel.exchange_declare(exchange.into(), ExchangeKind::Direct, durable, nothing);
        self.explained(within(limit, "declaring the exchange", declaring).await, exchange)?;
        for queue in self.queues.iter().rev() {
            self.explained(self.bind(&channel, queue, limit).await, &queue.name)?;
        }
        within(limit, "closing a channel", channel.close(200, "declared".into())).await
    }

    /// Whether the exchange or a queue is missing.
    async fn is_incomplete(&self, connection: &Connection, options: &Options) -> Result<bool, RabbitError> {
        let limit = options.answer_time;
        let channel = within(limit, "opening a channel", connection.create_channel()).await?;
        let passive = ExchangeDeclareOptions { passive: true, ..Default::default() };
        let (exchange, nothing) = (self.exchange.as_str(), FieldTable::default());
        let looking = channel.exchange_declare(exchange.into(), ExchangeKind::Direct, passive, nothing);
        let mut found = within(limit, "looking for the exchange", looking).await;
        for queue in &self.queues {
            let passive = QueueDeclareOptions { passive: true, ..Default::default() };
            if found.is_ok() {
                let looking =
                    channel.queue_declare(queue.name.as_str().into(), passive, FieldTable::default());
                found = within(limit, "looking for a queue", looking).await.map(drop);
            }
        }
        match found {
            Ok(()) => {
                within(limit, "closing a channel", channel.close(200, "looked".into())).await?;
                Ok(false)
            }
            // The broker has closed the channel.
            Err(error) if is_not_found(&error) => Ok(true),
            Err(error) => Err(self.explain(error, exchange)),
        }
    }

    /// Tries whether the user may declare, with a queue that goes with its connection.
    async fn may_declare(&self, connection: &Connection, limit: Duration) -> Result<(), RabbitError> {
        let channel = within(limit, "opening a channel", connection.create_channel()).await?;
        let name = format!("{}.check-{:032x}", self.exchange, rand::random::<u128>());
        let passing = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let declaring = channel.queue_declare(name.as_str().into(), passing, FieldTable::default());
        self.explained(within(limit, "trying to declare", declaring).await, &name)?;
        let deleting = channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default());
        within(limit, "deleting a queue", deleting).await.map(drop)
    }

    async fn bind(&self, channel: &Channel, queue: &QueueName, limit: Duration) -> Result<(), RabbitError> {
        let (name, key) = (queue.name.as_str(), queue.key.as_str());
        let (options, nothing) = (QueueBindOptions::default(), FieldTable::default());
        let binding =
            channel.queue_bind(name.into(), self.exchange.as_str().into(), key.into(), options, nothing);
        within(limit, "binding a queue", binding).await
    }

    /// An answer about the queue or exchange `name`; a refusal is told with what mends it.
    pub(super) fn explained<T>(&self, answer: Result<T, RabbitError>, name: &str) -> Result<T, RabbitError> {
        answer.map_err(|error| self.explain(error, name))
    }

    /// Why the broker refuses `name`, with what mends it.
    pub(super) fn explain(&self, error: RabbitError, name: &str) -> RabbitError {
        explain(error, name, &self.exchange)
    }

    /// At-least-once dead-lettering needs a quorum queue with `reject-publish`.
    /// <https://www.rabbitmq.com/docs/quorum-queues#dead-lettering>
    fn arguments(&self, source: Source) -> FieldTable {
        let mut table = FieldTable::default();
        let mut text = |key: &str, value: &str| {
            table.insert(key.into(), AMQPValue::LongString(value.into()));
        };
        text("x-queue-type", "quorum");
        text("x-overflow", "reject-publish");
        let Source::Lane(lane) = source else {
            table.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(i64::from(NO_DELIVERY_LIMIT)));
            return table;
        };
        text("x-dead-letter-exchange", &self.exchange);
        text("x-dead-letter-routing-key", "poison");
        text("x-dead-letter-strategy", "at-least-once");
        table.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(i64::from(DELIVERY_LIMIT)));
        let bytes = self.max_bytes[usize::from(lane == Lane::Bulk)];
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        table.insert("x-max-length-bytes".into(), AMQPValue::LongLongInt(bytes));
        table
    }
}

fn lane_key(lane: Lane) -> &'static str {
    match lane {
        Lane::Live => "live",
        Lane::Bulk => "bulk",
    }
}

fn check(options: &Options) -> Result<(), RabbitError> {
    let wrong = |what: String| Err(RabbitError::Configuration { what });
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if options.prefix.is_empty() || options.prefix.len() > 100 || !options.prefix.bytes().all(plain) {
        return wrong(format!(
            "the queue prefix {:?} must be 1 to 100 letters, digits, dots, dashes or underscores",
            options.prefix
        ));
    }
    for count in [options.live_queues, options.bulk_queues] {
        if !(1..=LANE_QUEUES).contains(&count) {
            return wrong(format!("a lane has 1 to {LANE_QUEUES} queues, not {count}"));
        }
    }
    if !(2..=2000).contains(&options.prefetch) {
        return wrong(format!("the prefetch must be 2 to 2000 messages, not {}", options.prefetch));
    }
    Ok(())
}

/// Turns the broker's refusal of `name` into what mends it.
fn explain(error: RabbitError, name: &str, prefix: &str) -> RabbitError {
    let RabbitError::Broker { cause, .. } = &error else { return error };
    let ErrorKind::ProtocolError(refusal) = cause.kind() else { return error };
    let said = refusal.get_message().to_string();
    match refusal.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => {
            RabbitError::Mismatch { name: name.to_owned(), argument: argument(&said), said }
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
            RabbitError::Refused { prefix: prefix.to_owned(), said }
        }
        _ => error,
    }
}

fn is_not_found(error: &RabbitError) -> bool {
    let RabbitError::Broker { cause, .. } = error else { return false };
    let ErrorKind::ProtocolError(answer) = cause.kind() else { return false };
    matches!(answer.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}

/// The argument in `inequivalent arg 'x-max-length-bytes' for queue …`.
fn argument(said: &str) -> String {
    said.split_once("arg '")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map_or_else(|| "argument".to_owned(), |(argument, _)| argument.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_of_a_lane_has_a_key_of_its_own() {
        let options = Options { live_queues: 3, ..Options::default() };
        let topology = Topology::new(&options).unwrap();
        assert_eq!(topology.keys(Lane::Live), ["live", "live.1", "live.2"]);
        assert_eq!(topology.keys(Lane::Bulk), ["bulk"]);
        assert_eq!(topology.lane_of("segment.live.2"), Some(Lane::Live));
        assert_eq!(topology.lane_of("segment.poison"), None);
    }

    #[test]
    fn the_argument_is_found_in_the_words_of_the_broker() {
        let said = "PRECONDITION_FAILED - inequivalent arg 'x-max-length-bytes' for queue 'segment.live' in vhost '/'";
        assert_eq!(argument(said), "x-max-length-bytes");
        assert_eq!(argument("something else"), "argument");
    }

    #[test]
    fn options_that_no_broker_could_serve_are_refused() {
        for options in [
            Options { prefix: "two words".to_owned(), ..Options::default() },
            Options { live_queues: 0, ..Options::default() },
            Options { bulk_queues: LANE_QUEUES + 1, ..Options::default() },
            Options { prefetch: 1, ..Options::default() },
        ] {
            assert!(Topology::new(&options).unwrap_err().needs_an_operator());
        }
    }
}
