//! Handles one delivery: it goes into the delivery buffer, moves to the bulk lane, waits for a newer program, or goes back
//! from the poison queue.

use lapin::Consumer;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;

use super::delivered::{Contents, Delivered};
use super::error::within;
use super::message::Marks;
use super::pump::{POISON_PREFETCH, Pump, Stage};
use super::topology::Source;
use super::{RabbitError, foreign};
use crate::{Clock, Lane};

impl Pump {
    pub(super) async fn receive(
        &mut self,
        delivery: Delivery,
        consumer: &Consumer,
    ) -> Result<(), RabbitError> {
        if Marks::of(&delivery.properties).is_newer() {
            return self.park(delivery, consumer).await;
        }
        match self.queue.source {
            Source::Lane(lane) => {
                let Some(delivery) = self.move_if_crowded(delivery, lane).await? else { return Ok(()) };
                let message =
                    self.message(delivery, |properties, body| envelopes(properties, body, lane, &self.clock));
                self.buffer.arrive(self.generation, message);
                Ok(())
            }
            Source::Poison => self.receive_poison(delivery).await,
        }
    }

    /// Moves a message to the bulk lane if its connection has many waiting messages. A queue is first in, first out, and
    /// the number of held messages is bounded: otherwise all of them could be of one connection. Returns a delivery that
    /// stays.
    async fn move_if_crowded(&self, delivery: Delivery, lane: Lane) -> Result<Option<Delivery>, RabbitError> {
        let marks = Marks::of(&delivery.properties);
        let connection = marks.connection();
        let may_move = lane == Lane::Live && connection != 0 && marks.is_ours() && !marks.rescued();
        let crowded = self.buffer.live_of(connection) >= usize::from(self.options.prefetch / 2);
        if !(may_move && crowded && marks.lost() == 0 && self.stage == Stage::Full) {
            return Ok(Some(delivery));
        }
        match self.rescue.move_to(Lane::Bulk, &delivery).await {
            Ok(()) => {
                let answer = delivery.acker.ack(BasicAckOptions::default());
                within(self.options.answer_time, "acknowledging a moved message", answer).await?;
                Ok(None)
            }
            // For example because the bulk lane is full: then it stays where it is.
            Err(error) => {
                tracing::debug!(%error, connection_id = connection, "a message could not be moved to the bulk lane");
                Ok(Some(delivery))
            }
        }
    }

    /// Keeps a message that a newer program has to read, and stops consuming before such messages fill the prefetch.
    async fn park(&mut self, delivery: Delivery, consumer: &Consumer) -> Result<(), RabbitError> {
        let message = self.message(delivery, |_, body| Contents::Envelopes(body));
        self.buffer.park(self.generation, message);
        self.parked += 1;
        if self.parked == 1 {
            tracing::warn!(queue = self.queue.name, "an event of a newer program waits for a newer worker");
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

    /// Handles poison. The first time, each of its events goes back by itself; the second time, the message is handed out
    /// as unreadable.
    async fn receive_poison(&self, delivery: Delivery) -> Result<(), RabbitError> {
        let marks = Marks::of(&delivery.properties);
        if marks.rescued() {
            let message = self.message(delivery, |_, body| {
                let why = "handed out again and again without an answer, alone at last".to_owned();
                Contents::Unreadable(crate::pack::split_open(&body), why)
            });
            self.buffer.arrive(self.generation, message);
            return Ok(());
        }
        let _passing = self.buffer.passing(marks.events(&delivery.data));
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
