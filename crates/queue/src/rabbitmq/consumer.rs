//! Consuming: a consumer for each queue, each on a channel of its own with its prefetch.
//!
//! Consumers start with the first take and end when nobody takes any more, so a process that only publishes holds
//! nothing. The end of a consumer's stream is how lapin tells that the broker cancelled it: it ends the whole link.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer, Event};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use super::error::within;
use super::intake::{ALONE_AFTER, Contents, Delivered, Intake};
use super::line::Line;
use super::message::Marks;
use super::nodes::Nodes;
use super::rescue::Rescue;
use super::supervisor::{Alarm, LOOK_ROUND, Linked};
use super::topology::{QueueName, Source, Topology};
use super::{Options, RabbitError, foreign};
use crate::{Clock, FORMAT, Lane};

/// Messages of the poison queue that a process holds: each may be an event that kills.
const POISON_PREFETCH: u16 = 4;

/// Messages of a lane that a process holds until it has seen one that is above suspicion. Whoever dies counts as having
/// lost all that it held: with full hands, one message that kills would take its neighbours along to the poison queue.
const CAUTIOUS_PREFETCH: u16 = 1;

/// The consuming connection with its consumers.
pub(super) struct Consumers {
    line: Line,
    pumps: Mutex<JoinSet<()>>,
    alarm: Arc<Alarm>,
}

impl Consumers {
    /// Ends the link because of `cause`.
    pub(super) fn fail(&self, cause: RabbitError) {
        self.alarm.raise(cause);
    }
}

/// Makes consumers.
pub(super) struct ConsumerLink {
    pub(super) nodes: Arc<Nodes>,
    pub(super) topology: Arc<Topology>,
    pub(super) options: Arc<Options>,
    pub(super) intake: Arc<Intake>,
    pub(super) rescue: Arc<Rescue>,
    pub(super) clock: Clock,
}

impl ConsumerLink {
    /// A channel of its own for a queue, with its first consumer.
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

    async fn return_expired(&self) {
        let expired = self.intake.expire(Instant::now());
        if expired.is_empty() {
            return;
        }
        tracing::warn!(messages = expired.len(), "a taker did not answer in time; its messages go back");
        // A reject counts as a delivery on every version of the broker; a nack does not on the newest.
        let requeue = BasicRejectOptions { requeue: true };
        let rejects = join_all(expired.iter().map(|message| message.acker.reject(requeue)));
        drop(tokio::time::timeout(self.options.answer_time, rejects).await);
    }
}

impl Linked for ConsumerLink {
    type Link = Consumers;

    fn name(&self) -> &'static str {
        "consumer"
    }

    async fn wanted(&self) {
        self.intake.wanted(self.options.idle_after).await;
    }

    async fn open(&self) -> Result<Consumers, RabbitError> {
        let options = &*self.options;
        let line = self.nodes.connect("consumer", options).await?;
        self.topology.declare(&line.connection, options).await?;
        let alarm = Arc::new(Alarm::default());
        let mut pumps = JoinSet::new();
        for queue in &self.topology.queues {
            let (channel, consumer) = self.consume(&line.connection, queue).await?;
            let pump = Pump {
                queue: queue.clone(),
                channel,
                options: Arc::clone(&self.options),
                intake: Arc::clone(&self.intake),
                generation: self.intake.generation(),
                rescue: Arc::clone(&self.rescue),
                alarm: Arc::clone(&alarm),
                clock: Arc::clone(&self.clock),
                cautious: matches!(queue.source, Source::Lane(_)),
                stopping: false,
            };
            pumps.spawn(pump.run(consumer));
        }
        Ok(Consumers { line, pumps: Mutex::new(pumps), alarm })
    }

    async fn watch(&self, consumers: &Consumers) -> Option<RabbitError> {
        let mut events = Box::pin(consumers.line.connection.events_listener());
        let mut rounds = interval(LOOK_ROUND);
        loop {
            if !consumers.line.connection.status().connected() {
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
                    if self.intake.idle_for(self.options.idle_after) {
                        return None;
                    }
                }
            }
        }
    }

    async fn end(&self, consumers: &Consumers) {
        consumers.pumps.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.intake.forget();
        consumers.line.close(self.options.answer_time).await;
    }
}

/// Starts a consumer. Prefetch first: without it the broker would send up to 2000 messages at once. It holds for consumers
/// that start later on the channel, each for itself. <https://www.rabbitmq.com/docs/consumer-prefetch>
async fn consume(
    channel: &Channel,
    queue: &str,
    prefetch: u16,
    limit: Duration,
) -> Result<Consumer, RabbitError> {
    let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
    within(limit, "setting the prefetch", qos).await?;
    let (options, nothing) = (BasicConsumeOptions::default(), FieldTable::default());
    let consuming = channel.basic_consume(queue.into(), "".into(), options, nothing);
    within(limit, "starting a consumer", consuming).await
}

/// Brings what one consumer delivers into the intake.
struct Pump {
    queue: QueueName,
    channel: Channel,
    options: Arc<Options>,
    intake: Arc<Intake>,
    generation: u64,
    rescue: Arc<Rescue>,
    alarm: Arc<Alarm>,
    clock: Clock,
    /// Whether every message so far was lost by others before, so that one of them may kill.
    cautious: bool,
    /// Whether we have asked the broker to stop.
    stopping: bool,
}

impl Pump {
    async fn run(mut self, mut consumer: Consumer) {
        while let Some(delivery) = consumer.next().await {
            let delivery = match delivery {
                Ok(delivery) => delivery,
                Err(cause) => return self.alarm.raise(RabbitError::broker("consuming")(cause)),
            };
            let above_suspicion = Marks::of(&delivery.properties).lost() < ALONE_AFTER;
            self.receive(delivery, &consumer).await;
            if self.cautious && above_suspicion && !self.stopping {
                match self.take_more(&consumer).await {
                    Ok(other) => consumer = other,
                    Err(cause) => return self.alarm.raise(cause),
                }
            }
        }
        if !self.stopping {
            self.alarm.raise(RabbitError::Cancelled { queue: self.queue.name.clone() });
        }
    }

    /// Puts a consumer with the full prefetch in the place of the cautious one, whose message stays ours.
    async fn take_more(&mut self, cautious: &Consumer) -> Result<Consumer, RabbitError> {
        self.cautious = false;
        let limit = self.options.answer_time;
        let cancelling = self.channel.basic_cancel(cautious.tag(), Default::default());
        within(limit, "changing the prefetch", cancelling).await?;
        consume(&self.channel, &self.queue.name, self.options.prefetch, limit).await
    }

    async fn receive(&mut self, delivery: Delivery, consumer: &Consumer) {
        match self.queue.source {
            Source::Lane(lane) => self.receive_from_lane(delivery, lane, consumer).await,
            Source::Poison => self.receive_poison(delivery).await,
        }
    }

    async fn receive_from_lane(&mut self, delivery: Delivery, lane: Lane, consumer: &Consumer) {
        let marks = Marks::of(&delivery.properties);
        let is_newer = marks.is_ours() && marks.format() > i64::from(FORMAT);
        let message =
            self.message(delivery, |properties, body| envelopes(properties, body, lane, &self.clock));
        if !is_newer {
            return self.intake.arrive(self.generation, message);
        }
        let parked = self.intake.park(self.generation, message);
        if parked == 1 {
            tracing::warn!(queue = self.queue.name, "an event of a newer program waits for one");
        }
        if parked >= usize::from(self.options.prefetch / 2) && !self.stopping {
            self.stop(consumer).await;
        }
    }

    /// Poison has two lives: the first time, each of its events goes back by itself; the second time it is buried.
    async fn receive_poison(&self, delivery: Delivery) {
        let marks = Marks::of(&delivery.properties);
        if marks.rescued() {
            let message = self.message(delivery, |_, body| {
                let why = "handed out again and again without an answer, alone at last".to_owned();
                Contents::Buried(crate::pack::split_open(&body), why)
            });
            return self.intake.arrive(self.generation, message);
        }
        if let Err(cause) = self.rescue.send_back(delivery).await {
            self.alarm.raise(cause);
        }
    }

    fn message(
        &self,
        delivery: Delivery,
        read: impl FnOnce(&lapin::BasicProperties, Vec<u8>) -> Contents,
    ) -> Delivered {
        let marks = Marks::of(&delivery.properties);
        let (events, lost) = (marks.events(&delivery.data), marks.lost());
        Delivered {
            source: self.queue.source,
            events,
            lost,
            redelivered: delivery.redelivered || lost > 0,
            contents: read(&delivery.properties, delivery.data),
            acker: delivery.acker,
        }
    }

    /// Takes no more from a queue that gives us what we cannot read; newer programs get it.
    async fn stop(&mut self, consumer: &Consumer) {
        self.stopping = true;
        self.intake.set_outdated();
        tracing::error!(
            queue = self.queue.name,
            "the queue is full of events for a newer program; this one stops taking from it: upgrade it"
        );
        let cancelling = self.channel.basic_cancel(consumer.tag(), Default::default());
        if let Err(error) = within(self.options.answer_time, "stopping a consumer", cancelling).await {
            self.alarm.raise(error);
        }
    }
}

/// Reads a body: ours, or another program's single event.
fn envelopes(properties: &lapin::BasicProperties, body: Vec<u8>, lane: Lane, clock: &Clock) -> Contents {
    if Marks::of(properties).is_ours() {
        return Contents::Envelopes(body);
    }
    let wrapped = foreign::wrap(properties, &body, lane, clock());
    match wrapped.map(|envelope| crate::pack::pack(&[envelope])) {
        Ok(Ok(messages)) => {
            Contents::Envelopes(messages.into_iter().flat_map(|message| message.body).collect())
        }
        Ok(Err(too_large)) => Contents::Buried(vec![body], too_large.to_string()),
        Err(why) => Contents::Buried(vec![body], why.to_owned()),
    }
}
