//! Consuming: one consumer for each queue, each on its own channel with its prefetch.
//!
//! Consumers start with the first take and end when there are no more takes, so a process that only publishes holds no
//! messages. If the broker cancels a consumer, lapin ends its stream; that ends the whole link.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use lapin::options::BasicRejectOptions;
use lapin::{Channel, Connection, Consumer, Event};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use super::amqp_connection::AmqpConnection;
use super::delivery_buffer::DeliveryBuffer;
use super::error::within;
use super::nodes::Nodes;
use super::pump::{POISON_PREFETCH, Pump, Stage, consume};
use super::pump_reports::PumpReports;
use super::rescue::Rescue;
use super::supervisor::{Alarm, LOOK_EVERY, Supervised};
use super::topology::{QueueName, Source, Topology};
use super::{Options, RabbitError, census};
use crate::Clock;

/// Messages of a lane that a process holds until it has seen one that is not suspect. If a process crashes, all messages
/// that it held count as lost: with many of them, one message that crashes processes would take the others along to the
/// poison queue.
const CAUTIOUS_PREFETCH: u16 = 1;

/// The consuming connection with its consumers.
pub(super) struct Consumers {
    link: AmqpConnection,
    pumps: Mutex<JoinSet<()>>,
    alarm: Arc<Alarm>,
}

impl Consumers {
    /// Ends the link because of `cause`.
    pub(super) fn fail(&self, cause: RabbitError) {
        self.alarm.raise(cause);
    }
}

/// Opens the link of the consumers.
pub(super) struct ConsumerLink {
    pub(super) nodes: Arc<Nodes>,
    pub(super) topology: Arc<Topology>,
    pub(super) options: Arc<Options>,
    pub(super) buffer: Arc<DeliveryBuffer>,
    pub(super) rescue: Arc<Rescue>,
    pub(super) clock: Clock,
}

impl ConsumerLink {
    /// Opens a channel for a queue, with its first consumer.
    async fn consume(
        &self,
        connection: &Connection,
        queue: &QueueName,
    ) -> Result<(Channel, Consumer), RabbitError> {
        let limit = self.options.answer_time;
        let prefetch = match queue.source {
            Source::Lane(_) => CAUTIOUS_PREFETCH,
            Source::Poison => POISON_PREFETCH,
        };
        let channel = within(limit, "opening a channel", connection.create_channel()).await?;
        let starting = consume(&channel, &queue.name, prefetch, limit).await;
        let consumer = self.topology.explained(starting, &queue.name)?;
        Ok((channel, consumer))
    }

    async fn equip(&self, link: AmqpConnection) -> Result<Consumers, RabbitError> {
        self.topology.declare(&link.connection, &self.options).await?;
        let alarm = Arc::new(Alarm::default());
        let mut pumps = JoinSet::new();
        let mut pump_reports = PumpReports::default();
        let requests: Vec<_> = self.topology.queues.iter().map(|_| pump_reports.add()).collect();
        // Other processes expect an answer from every process with a consumer.
        let buffer = Arc::clone(&self.buffer);
        let answering =
            census::answering(&link.connection, &self.topology, &self.options, buffer, pump_reports).await?;
        let answerer = Arc::clone(&alarm);
        pumps.spawn(async move { answerer.raise(answering.await) });
        for (queue, requests) in self.topology.queues.iter().zip(requests) {
            let (channel, consumer) = self.consume(&link.connection, queue).await?;
            let pump = Pump {
                queue: queue.clone(),
                channel,
                options: Arc::clone(&self.options),
                buffer: Arc::clone(&self.buffer),
                generation: self.buffer.generation(),
                rescue: Arc::clone(&self.rescue),
                alarm: Arc::clone(&alarm),
                clock: Arc::clone(&self.clock),
                stage: Stage::first_of(queue.source),
                parked: 0,
                requests,
            };
            pumps.spawn(pump.run(consumer));
        }
        Ok(Consumers { link, pumps: Mutex::new(pumps), alarm })
    }

    async fn return_expired(&self) {
        let expired = self.buffer.expire(Instant::now());
        if expired.is_empty() {
            return;
        }
        tracing::warn!(
            messages = expired.len(),
            "messages were not answered in time; they return to the queue"
        );
        // A reject counts as a delivery in every version of the broker; a nack does not in the newest.
        let requeue = BasicRejectOptions { requeue: true };
        let rejects = join_all(expired.iter().map(|message| message.acker.reject(requeue)));
        drop(tokio::time::timeout(self.options.answer_time, rejects).await);
    }
}

impl Supervised for ConsumerLink {
    type Link = Consumers;

    fn name(&self) -> &'static str {
        "consumer"
    }

    async fn wanted(&self) {
        self.buffer.wanted(self.options.idle_after).await;
    }

    async fn open(&self) -> Result<Consumers, RabbitError> {
        let link = self.nodes.connect("consumer", &self.options).await?;
        self.equip(link).await.inspect_err(|_| {
            // Some of the consumers may have begun to deliver.
            self.buffer.forget();
            self.nodes.pass_over();
        })
    }

    async fn watch(&self, consumers: &Consumers) -> Option<RabbitError> {
        let mut events = Box::pin(consumers.link.connection.events_listener());
        let mut rounds = interval(LOOK_EVERY);
        loop {
            if !consumers.link.connection.status().connected() {
                return Some(RabbitError::NotConnected);
            }
            tokio::select! {
                cause = consumers.alarm.raised() => return Some(cause),
                event = events.next() => match event {
                    Some(Event::Error(cause)) => return Some(RabbitError::broker("consuming")(cause)),
                    Some(_) => {}
                    None => return Some(RabbitError::NotConnected),
                },
                _ = rounds.tick() => {
                    self.return_expired().await;
                    if self.buffer.idle_for(self.options.idle_after) {
                        return None;
                    }
                }
            }
        }
    }

    async fn end(&self, consumers: &Consumers) {
        consumers.pumps.lock().abort_all();
        self.buffer.forget();
        self.nodes.pass_over();
        consumers.link.close(self.options.answer_time).await;
    }
}
