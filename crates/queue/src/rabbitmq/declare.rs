//! Declares the exchange and the queues if they are missing, and explains how to correct a refusal.
//!
//! Declaring again with the same arguments changes nothing; with other arguments the broker answers 406, which becomes
//! [`RabbitError::Mismatch`]. <https://www.rabbitmq.com/docs/queues#property-equivalence>

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};
use tokio::time::sleep;

use super::RabbitError;
use super::error::within;
use super::options::Options;
use super::topology::{DELIVERY_LIMIT, QueueName, Source, Topology};
use crate::Lane;

/// The poison queue's own limit, which must never be reached, because its messages have nowhere else to go. Without it,
/// RabbitMQ 4 would use 20, and drop the message then.
const NO_DELIVERY_LIMIT: u32 = 1_000_000;

impl Topology {
    /// Declares everything, the poison queue and its binding first. Nothing can be published before the exchange and the
    /// bindings exist, and these are made only after new queues had time to settle, see [`Options::settle_time`]. So a
    /// process that finds all of them may publish at once, even if another process has just made them.
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
            tracing::info!(exchange = self.exchange, "queues were declared; waiting until they are ready");
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

    /// Checks whether the user may declare, with a queue that is deleted with its connection.
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

    /// The answer about the queue or exchange `name`; a refusal explains how to correct it.
    pub(super) fn explained<T>(&self, answer: Result<T, RabbitError>, name: &str) -> Result<T, RabbitError> {
        answer.map_err(|error| self.explain(error, name))
    }

    /// The reason why the broker refuses `name`, with how to correct it.
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

/// Converts the broker's refusal of `name` to an error that says how to correct it.
fn explain(error: RabbitError, name: &str, prefix: &str) -> RabbitError {
    let RabbitError::Broker { cause, .. } = &error else { return error };
    let ErrorKind::ProtocolError(refusal) = cause.kind() else { return error };
    let detail = refusal.get_message().to_string();
    match refusal.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => {
            RabbitError::Mismatch { name: name.to_owned(), argument: argument(&detail), detail }
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
            RabbitError::Refused { prefix: prefix.to_owned(), detail }
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
fn argument(detail: &str) -> String {
    detail
        .split_once("arg '")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map_or_else(|| "argument".to_owned(), |(argument, _)| argument.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_is_found_in_the_message_of_the_broker() {
        let detail = "PRECONDITION_FAILED - inequivalent arg 'x-max-length-bytes' for queue 'segment.live' in vhost '/'";
        assert_eq!(argument(detail), "x-max-length-bytes");
        assert_eq!(argument("something else"), "argument");
    }
}
