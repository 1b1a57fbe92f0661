//! Publishes messages again: poison, each event by itself, so that only the bad one becomes a dead letter; and messages
//! that move to the bulk lane.
//!
//! The broker counts deliveries of messages, not their results. If connections were cut often enough, a good message comes
//! here; and one bad event brings a whole message of good ones here.

use std::sync::Arc;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use tokio::sync::watch;
use tokio::time::sleep;

use super::error::within;
use super::message::{Marks, Outgoing, outgoing};
use super::publisher::{Origin, Publisher};
use super::supervisor::{State, up};
use super::topology::Topology;
use super::{Options, RabbitError};
use crate::{Lane, pack};

/// Wait between attempts while publishing fails; the message stays in the poison queue meanwhile.
const PAUSE: Duration = Duration::from_secs(1);

/// See the module's documentation.
pub(super) struct Rescue {
    pub(super) publisher: watch::Sender<State<Publisher>>,
    pub(super) topology: Arc<Topology>,
    pub(super) options: Arc<Options>,
}

impl Rescue {
    /// Publishes the message's events one by one, then acknowledges it. Retries until its link ends.
    pub(super) async fn send_back(&self, delivery: Delivery) -> Result<(), RabbitError> {
        let marks = Marks::of(&delivery.properties);
        let lane = marks.died_in().and_then(|queue| self.topology.lane_of(&queue)).unwrap_or(Lane::Bulk);
        let parts = if marks.is_ours() { pack::split(&delivery.data) } else { vec![delivery.data.clone()] };
        let key = self.topology.keys(lane).swap_remove(0);
        let numbers = marks.numbers_of_parts(parts.len());
        let single = |(body, numbers)| {
            let properties = marks.for_another_round(1, numbers);
            Outgoing { key: key.clone(), properties, body, numbers }
        };
        let singles: Vec<Outgoing> = parts.into_iter().zip(numbers).map(single).collect();
        tracing::warn!(
            events = singles.len(),
            lost = marks.lost(),
            "a message was handed out too often without an answer; its events return to the queue one by one"
        );
        // Each event is repeated until it is confirmed: repeating the whole message would fill a nearly full queue with
        // duplicates.
        for single in &singles {
            while let Err(error) = self.publish(single.clone()).await {
                tracing::warn!(%error, "poison could not be sent back yet");
                sleep(PAUSE).await;
            }
        }
        let answer = delivery.acker.ack(BasicAckOptions::default());
        within(self.options.answer_time, "acknowledging poison", answer).await.map(drop)
    }

    /// Publishes one of our messages again, to another lane.
    pub(super) async fn move_to(&self, lane: Lane, delivery: &Delivery) -> Result<(), crate::PublishError> {
        let marks = Marks::of(&delivery.properties);
        let message = pack::Message {
            lane,
            connection: marks.connection(),
            events: marks.events(&delivery.data),
            format: marks.format(),
            body: delivery.data.clone(),
        };
        let key = self.topology.keys(lane).swap_remove(0);
        self.publish(outgoing(message, key, marks.numbers(), marks.accepted_at())).await
    }

    async fn publish(&self, message: Outgoing) -> Result<(), crate::PublishError> {
        let publisher = up(&self.publisher, self.options.publish_time).await?;
        publisher.publish(Origin::Rescued, vec![message], &self.options).await
    }
}
