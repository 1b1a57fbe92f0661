//! Counts the events in the queue, including those that other processes hold.
//!
//! AMQP shows how many messages wait, but nothing about messages that were delivered and not answered. So every process
//! that consumes reports how many events it holds. The counting process publishes a question to the exchange, where each of
//! them has bound a queue of its own, and waits for as many answers as the poison queue has consumers: one for each
//! process.
//!
//! A lane counts as empty only if nothing has moved in it meanwhile: no message waits, and before and after that look every
//! process answers that it holds nothing and that nothing has come. This module has the queues for questions and answers,
//! and the answering side; [`asking`] counts.

mod asking;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, Consumer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(super) use self::asking::count;
use super::delivered::Held;
use super::delivery_buffer::DeliveryBuffer;
use super::error::within;
use super::pump_reports::PumpReports;
use super::topology::Topology;
use super::{Options, RabbitError};

/// The routing key of the question.
const QUESTION: &str = "census";

/// The answer of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    /// Its consuming connection; a new one holds nothing at first.
    link: Uuid,
    /// The events that it holds, and those that have come to it so far.
    held: Held,
}

/// The answers of all processes, by their links.
type Answers = BTreeMap<Uuid, Held>;

/// Prepares to answer for this process on a connection that consumes. The returned future answers until the channel ends,
/// and then returns the reason.
pub(super) async fn answering(
    connection: &Connection,
    topology: &Topology,
    options: &Options,
    buffer: Arc<DeliveryBuffer>,
    pump_reports: PumpReports,
) -> Result<impl Future<Output = RabbitError> + Send + use<>, RabbitError> {
    let link = Uuid::from_u128(rand::random());
    let place = Place::make(connection, topology, options, QUESTION).await?;
    Ok(async move {
        let Place { channel, mut consumer, exchange, name } = place;
        while let Some(question) = consumer.next().await {
            let asker = question.ok().and_then(|question| reply(&question));
            let Some((key, properties)) = asker else { continue };
            pump_reports.take().await;
            let answer = Answer { link, held: buffer.held() };
            let Ok(body) = serde_json::to_vec(&answer) else { continue };
            let plain = BasicPublishOptions::default();
            let publishing =
                channel.basic_publish(exchange.as_str().into(), key.into(), plain, &body, properties);
            if let Err(cause) = publishing.await {
                return RabbitError::broker("reporting the held events")(cause);
            }
        }
        RabbitError::Cancelled { queue: name }
    })
}

/// The routing key of the answer, and its properties.
fn reply(question: &Delivery) -> Option<(String, BasicProperties)> {
    let key = question.properties.reply_to().as_ref()?.to_string();
    let round = question.properties.correlation_id().as_ref()?.clone();
    Some((key, BasicProperties::default().with_correlation_id(round)))
}

/// A queue of our own at the exchange, with its consumer. Both are deleted with the channel.
struct Place {
    channel: Channel,
    consumer: Consumer,
    exchange: String,
    name: String,
}

impl Place {
    async fn make(
        connection: &Connection,
        topology: &Topology,
        options: &Options,
        key: &str,
    ) -> Result<Self, RabbitError> {
        let name = format!("{}.census.{}", topology.exchange, Uuid::from_u128(rand::random()));
        Self::named(connection, topology, options, name, key).await
    }

    async fn named(
        connection: &Connection,
        topology: &Topology,
        options: &Options,
        name: String,
        key: &str,
    ) -> Result<Self, RabbitError> {
        let (limit, exchange) = (options.answer_time, topology.exchange.clone());
        let channel = within(limit, "opening a channel", connection.create_channel()).await?;
        let ours = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let declaring = channel.queue_declare(name.as_str().into(), ours, FieldTable::default());
        topology.explained(within(limit, "declaring a queue", declaring).await, &name)?;
        let (plain, nothing) = (QueueBindOptions::default(), FieldTable::default());
        let binding =
            channel.queue_bind(name.as_str().into(), exchange.as_str().into(), key.into(), plain, nothing);
        topology.explained(within(limit, "binding a queue", binding).await, &name)?;
        let unanswered = BasicConsumeOptions { no_ack: true, exclusive: true, ..Default::default() };
        let consuming =
            channel.basic_consume(name.as_str().into(), "".into(), unanswered, FieldTable::default());
        let consumer = within(limit, "starting a consumer", consuming).await?;
        Ok(Self { channel, consumer, exchange, name })
    }
}
