//! Moves the messages that the consumer of one queue delivers into the delivery buffer.
//!
//! A lane's consumer begins cautiously. If a process crashes, all messages that it held count as lost: if it held many, one
//! message that crashes processes would take the others along to the poison queue.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};

use super::delivered::ALONE_AFTER;
use super::delivery_buffer::DeliveryBuffer;
use super::error::within;
use super::message::Marks;
use super::pump_reports::ReportRequests;
use super::rescue::Rescue;
use super::supervisor::Alarm;
use super::topology::{QueueName, Source};
use super::{Options, RabbitError};
use crate::Clock;

/// Messages of the poison queue that a process holds: each may contain an event that crashes processes.
pub(super) const POISON_PREFETCH: u16 = 4;

/// The stage of a consumer. Only this pump ends one on purpose; its stream ends when all earlier messages have been read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It takes one message at a time, until a message comes that was not lost by others before.
    Cautious,
    /// It was ended, so that another one with the full prefetch replaces it.
    Widening,
    /// It takes as many as the prefetch says.
    Full,
    /// It was ended for good.
    Stopping,
}

impl Stage {
    /// The first stage of a queue's consumer.
    pub(super) fn first_of(source: Source) -> Self {
        match source {
            Source::Lane(_) => Self::Cautious,
            Source::Poison => Self::Full,
        }
    }
}

/// Starts a consumer. Prefetch first: without it the broker would send up to 2000 messages at once. It holds for
/// consumers that start later on the channel, each for itself. <https://www.rabbitmq.com/docs/consumer-prefetch>
pub(super) async fn consume(
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

/// See the module's documentation.
pub(super) struct Pump {
    pub(super) queue: QueueName,
    pub(super) channel: Channel,
    pub(super) options: Arc<Options>,
    pub(super) buffer: Arc<DeliveryBuffer>,
    pub(super) generation: u64,
    pub(super) rescue: Arc<Rescue>,
    pub(super) alarm: Arc<Alarm>,
    pub(super) clock: Clock,
    pub(super) stage: Stage,
    /// Messages of a newer format that wait here.
    pub(super) parked: u16,
    /// Requests to report that everything that was delivered has been received.
    pub(super) requests: ReportRequests,
}

impl Pump {
    /// Runs until the consumer ends for good, and raises the alarm unless it was ended on purpose.
    pub(super) async fn run(mut self, mut consumer: Consumer) {
        loop {
            let ended = self.drain(&mut consumer).await;
            let next = match (ended, self.stage) {
                (Err(cause), _) => Err(cause),
                (Ok(()), Stage::Stopping) => return,
                (Ok(()), Stage::Widening) => self.consume_fully().await,
                (Ok(()), _) => Err(RabbitError::Cancelled { queue: self.queue.name.clone() }),
            };
            match next {
                Ok(full) => consumer = full,
                Err(cause) => return self.alarm.raise(cause),
            }
        }
    }

    /// Receives all that the consumer delivers until it ends.
    async fn drain(&mut self, consumer: &mut Consumer) -> Result<(), RabbitError> {
        loop {
            let delivery = tokio::select! {
                biased;
                delivery = consumer.next() => delivery,
                report_to = self.requests.next() => {
                    // The process may have stopped waiting for the report.
                    report_to.send(()).ok();
                    continue;
                }
            };
            let Some(delivery) = delivery else { return Ok(()) };
            let delivery = delivery.map_err(RabbitError::broker("consuming"))?;
            let marks = Marks::of(&delivery.properties);
            // No process of this version opens a message of a newer format, so it crashes none, however often it was lost.
            let is_above_suspicion = marks.lost() < ALONE_AFTER || marks.is_newer();
            self.receive(delivery, consumer).await?;
            if self.stage == Stage::Cautious && is_above_suspicion {
                self.end(consumer, Stage::Widening).await?;
            }
        }
    }

    /// Asks the broker to end the consumer. Messages that it has delivered stay with this process.
    async fn end(&mut self, consumer: &Consumer, stage: Stage) -> Result<(), RabbitError> {
        self.stage = stage;
        let ending = self.channel.basic_cancel(consumer.tag(), Default::default());
        within(self.options.answer_time, "ending a consumer", ending).await
    }

    async fn consume_fully(&mut self) -> Result<Consumer, RabbitError> {
        self.stage = Stage::Full;
        consume(&self.channel, &self.queue.name, self.options.prefetch, self.options.answer_time).await
    }

    /// Stops consuming a queue that delivers messages which this program cannot read; newer programs get them.
    pub(super) async fn stop(&mut self, consumer: &Consumer) -> Result<(), RabbitError> {
        self.buffer.set_outdated();
        tracing::error!(
            queue = self.queue.name,
            "the queue is full of events for a newer program; this one stops taking from it: upgrade it"
        );
        self.end(consumer, Stage::Stopping).await
    }
}
