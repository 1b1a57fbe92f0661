//! Brings what the consumer of one queue delivers into the delivery buffer.
//!
//! A lane's consumer begins cautiously. A process that dies counts as having lost all that it held: if it held much, one
//! message that kills would take its neighbours along to the poison queue.

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

/// Messages of the poison queue that a process holds: each may be an event that kills.
pub(super) const POISON_PREFETCH: u16 = 4;

/// Where a consumer stands. Only we end one on purpose; its stream then ends when all that came before is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It takes one message at a time, until one was not lost by others before.
    Cautious,
    /// It was ended, for another with the full prefetch to take its place.
    Widening,
    /// It takes as many as the prefetch says.
    Full,
    /// It was ended for good.
    Stopping,
}

impl Stage {
    /// Where the consumer of a queue begins.
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

/// See the module.
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
    /// When it is asked whether it has received all that was delivered.
    pub(super) requests: ReportRequests,
}

impl Pump {
    /// Runs until the consumer ends for good, and raises the alarm unless that was our wish.
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
            // Nobody here opens what is newer, so it kills nobody, however often it was lost.
            let is_above_suspicion = marks.lost() < ALONE_AFTER || marks.is_newer();
            self.receive(delivery, consumer).await?;
            if self.stage == Stage::Cautious && is_above_suspicion {
                self.end(consumer, Stage::Widening).await?;
            }
        }
    }

    /// Asks the broker to end the consumer. What it has delivered stays ours.
    async fn end(&mut self, consumer: &Consumer, stage: Stage) -> Result<(), RabbitError> {
        self.stage = stage;
        let ending = self.channel.basic_cancel(consumer.tag(), Default::default());
        within(self.options.answer_time, "ending a consumer", ending).await
    }

    async fn consume_fully(&mut self) -> Result<Consumer, RabbitError> {
        self.stage = Stage::Full;
        consume(&self.channel, &self.queue.name, self.options.prefetch, self.options.answer_time).await
    }

    /// Takes no more from a queue that gives us what we cannot read; newer programs get it.
    pub(super) async fn stop(&mut self, consumer: &Consumer) -> Result<(), RabbitError> {
        self.buffer.set_outdated();
        tracing::error!(
            queue = self.queue.name,
            "the queue is full of events for a newer program; this one stops taking from it: upgrade it"
        );
        self.end(consumer, Stage::Stopping).await
    }
}
