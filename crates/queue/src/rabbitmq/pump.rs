//! Brings what the consumer of one queue delivers into the intake.
//!
//! A lane's consumer begins cautiously. Whoever dies counts as having lost all that it held: with full hands, one
//! message that kills would take its neighbours along to the poison queue.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};

use super::delivered::{ALONE_AFTER, Contents, Delivered};
use super::error::within;
use super::intake::Intake;
use super::message::Marks;
use super::rescue::Rescue;
use super::roll_call::Called;
use super::supervisor::Alarm;
use super::topology::{QueueName, Source};
use super::{Options, RabbitError, foreign};
use crate::{Clock, Lane};

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
    pub(super) intake: Arc<Intake>,
    pub(super) generation: u64,
    pub(super) rescue: Arc<Rescue>,
    pub(super) alarm: Arc<Alarm>,
    pub(super) clock: Clock,
    pub(super) stage: Stage,
    /// Messages of a newer format that wait here.
    pub(super) parked: u16,
    /// When it is asked whether it has received all that was delivered.
    pub(super) called: Called,
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
                here = self.called.next() => {
                    // The process may have stopped waiting for the report.
                    here.send(()).ok();
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

    async fn receive(&mut self, delivery: Delivery, consumer: &Consumer) -> Result<(), RabbitError> {
        if Marks::of(&delivery.properties).is_newer() {
            return self.park(delivery, consumer).await;
        }
        match self.queue.source {
            Source::Lane(lane) => {
                let Some(delivery) = self.step_aside(delivery, lane).await? else { return Ok(()) };
                let message =
                    self.message(delivery, |properties, body| envelopes(properties, body, lane, &self.clock));
                self.intake.arrive(self.generation, message);
                Ok(())
            }
            Source::Poison => self.receive_poison(delivery).await,
        }
    }

    /// A queue is first in, first out, and what is held of it is bounded. So that the messages of one connection are
    /// not all that is held, further ones of it go to the bulk lane. Returns a delivery that may stay.
    async fn step_aside(&self, delivery: Delivery, lane: Lane) -> Result<Option<Delivery>, RabbitError> {
        let marks = Marks::of(&delivery.properties);
        let connection = marks.connection();
        let may_move = lane == Lane::Live && connection != 0 && marks.is_ours() && !marks.rescued();
        let crowded = self.intake.live_of(connection) >= usize::from(self.options.prefetch / 2);
        if !(may_move && crowded && marks.lost() == 0 && self.stage == Stage::Full) {
            return Ok(Some(delivery));
        }
        match self.rescue.move_to(Lane::Bulk, &delivery).await {
            Ok(()) => {
                let answer = delivery.acker.ack(BasicAckOptions::default());
                within(self.options.answer_time, "acknowledging what stepped aside", answer).await?;
                Ok(None)
            }
            // The bulk lane is full, say: then it stays where it is.
            Err(error) => {
                tracing::debug!(%error, connection_id = connection, "a message could not be moved to the bulk lane");
                Ok(Some(delivery))
            }
        }
    }

    /// Keeps what a newer program has to read, and stops taking before there is no room for anything else.
    async fn park(&mut self, delivery: Delivery, consumer: &Consumer) -> Result<(), RabbitError> {
        let message = self.message(delivery, |_, body| Contents::Envelopes(body));
        self.intake.park(self.generation, message);
        self.parked += 1;
        if self.parked == 1 {
            tracing::warn!(queue = self.queue.name, "an event of a newer program waits for one");
        }
        if self.parked >= self.prefetch() / 2 && self.stage != Stage::Stopping {
            return self.stop(consumer).await;
        }
        Ok(())
    }

    fn prefetch(&self) -> u16 {
        match self.queue.source {
            Source::Lane(_) => self.options.prefetch,
            Source::Poison => POISON_PREFETCH,
        }
    }

    /// Poison has two lives: the first time, each of its events goes back by itself; the second time it is handed out
    /// as unreadable.
    async fn receive_poison(&self, delivery: Delivery) -> Result<(), RabbitError> {
        let marks = Marks::of(&delivery.properties);
        if marks.rescued() {
            let message = self.message(delivery, |_, body| {
                let why = "handed out again and again without an answer, alone at last".to_owned();
                Contents::Unreadable(crate::pack::split_open(&body), why)
            });
            self.intake.arrive(self.generation, message);
            return Ok(());
        }
        let _passing = self.intake.passing(marks.events(&delivery.data));
        self.rescue.send_back(delivery).await
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
            connection: marks.connection(),
            numbers: marks.numbers(),
            events,
            accepted_at: marks.accepted_at(),
            lost,
            redelivered: delivery.redelivered || lost > 0,
            contents: read(&delivery.properties, delivery.data),
            acker: delivery.acker,
        }
    }

    /// Takes no more from a queue that gives us what we cannot read; newer programs get it.
    async fn stop(&mut self, consumer: &Consumer) -> Result<(), RabbitError> {
        self.intake.set_outdated();
        tracing::error!(
            queue = self.queue.name,
            "the queue is full of events for a newer program; this one stops taking from it: upgrade it"
        );
        self.end(consumer, Stage::Stopping).await
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
        Ok(Err(too_large)) => Contents::Unreadable(vec![body], too_large.to_string()),
        Err(why) => Contents::Unreadable(vec![body], why.to_owned()),
    }
}
