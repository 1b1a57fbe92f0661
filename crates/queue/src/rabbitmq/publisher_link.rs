//! Opens the connection of a publisher, and watches whether it is alive, and whether the broker blocks publishing.

use std::sync::Arc;

use futures_util::StreamExt as _;
use lapin::Event;
use tokio::time::{Instant, interval, sleep_until};

use super::amqp_connection::AmqpConnection;
use super::nodes::Nodes;
use super::publisher::Publisher;
use super::supervisor::{LOOK_EVERY, Supervised};
use super::topology::Topology;
use super::{Options, RabbitError};
use crate::Clock;

/// Opens the link of the publisher.
pub(super) struct PublisherLink {
    pub(super) nodes: Arc<Nodes>,
    pub(super) topology: Arc<Topology>,
    pub(super) options: Arc<Options>,
    pub(super) clock: Clock,
}

impl PublisherLink {
    async fn equip(&self, link: AmqpConnection) -> Result<Publisher, RabbitError> {
        let options = &*self.options;
        self.topology.declare(&link.connection, options).await?;
        Publisher::over(link, Arc::clone(&self.topology), options).await
    }
}

impl Supervised for PublisherLink {
    type Link = Publisher;

    fn name(&self) -> &'static str {
        "publisher"
    }

    async fn wanted(&self) {}

    async fn open(&self) -> Result<Publisher, RabbitError> {
        let link = self.nodes.connect("publisher", &self.options).await?;
        self.equip(link).await.inspect_err(|_| self.nodes.pass_over())
    }

    async fn watch(&self, publisher: &Publisher) -> Option<RabbitError> {
        let mut events = Box::pin(publisher.link.connection.events_listener());
        let mut rounds = interval(LOOK_EVERY);
        let mut patience = None;
        loop {
            if !publisher.is_connected() {
                return Some(RabbitError::NotConnected);
            }
            tokio::select! {
                cause = publisher.alarm.raised() => return Some(cause),
                _ = rounds.tick() => {}
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(reason, "the broker blocks publishing");
                        publisher.blocked.send_replace(Some((reason, (self.clock)())));
                        patience = Some(Instant::now() + self.options.blocked_at_most);
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!("the broker accepts publishing again");
                        publisher.blocked.send_replace(None);
                        patience = None;
                    }
                    Some(Event::Error(cause)) => return Some(RabbitError::broker("publishing")(cause)),
                    Some(_) => {}
                    None => return Some(RabbitError::NotConnected),
                },
                () = sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => {
                    let reason = publisher.blocked().map(|(reason, _)| reason).unwrap_or_default();
                    return Some(RabbitError::Blocked { reason });
                }
            }
        }
    }

    async fn end(&self, publisher: &Publisher) {
        self.nodes.pass_over();
        publisher.link.close(self.options.answer_time).await;
    }
}
