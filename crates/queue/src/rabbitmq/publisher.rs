//! Publishing: mandatory, persistent, confirmed. A message without a clean confirm is not published.
//!
//! A mandatory message that reaches no queue is returned *and then confirmed*, so a confirm counts only without a
//! returned message. <https://www.rabbitmq.com/docs/confirms#when-publishes-are-confirmed>

use std::sync::Arc;

use jiff::Timestamp;
use lapin::Confirmation;
use tokio::sync::watch;
use tokio::time::timeout;

use super::amqp_connection::AmqpConnection;
use super::message::Outgoing;
use super::outlet::{Outcomes, Outlet};
use super::supervisor::Alarm;
use super::topology::Topology;
use super::{Options, RabbitError};
use crate::{Lane, PublishError};

/// Maximum number of messages under way at once in one publish.
const WINDOW: usize = 64;

/// The origin of messages. Each has its own channel: none waits for another's confirms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Messages of one lane.
    Lane(Lane),
    /// Messages that go back from the poison queue.
    Rescued,
}

/// The publishing connection and its channels.
pub(super) struct Publisher {
    pub(super) link: AmqpConnection,
    live: Outlet,
    bulk: Outlet,
    rescued: Outlet,
    topology: Arc<Topology>,
    pub(super) alarm: Alarm,
    pub(super) blocked: watch::Sender<Option<(String, Timestamp)>>,
}

impl Publisher {
    /// Opens the channels of a publisher over a new connection.
    pub(super) async fn over(
        link: AmqpConnection,
        topology: Arc<Topology>,
        options: &Options,
    ) -> Result<Self, RabbitError> {
        Ok(Self {
            live: Outlet::open(&link, options).await?,
            bulk: Outlet::open(&link, options).await?,
            rescued: Outlet::open(&link, options).await?,
            link,
            topology,
            alarm: Alarm::default(),
            blocked: watch::Sender::new(None),
        })
    }

    /// Publishes all messages, and returns when all are confirmed. A broker that blocks reports that at the first message,
    /// and confirms nothing while it blocks: then this returns an error at once.
    pub(super) async fn publish(
        &self,
        origin: Origin,
        messages: Vec<Outgoing>,
        options: &Options,
    ) -> Result<(), PublishError> {
        let from = self.outlet(origin);
        let limit = options.publish_time;
        tokio::select! {
            biased;
            blocked = self.until_blocked() => Err(blocked.into()),
            published = timeout(limit, self.publish_windows(from, messages)) => {
                published.unwrap_or_else(|_| Err(self.too_slow(limit).into()))
            }
        }
    }

    async fn publish_windows(&self, from: &Outlet, messages: Vec<Outgoing>) -> Result<(), PublishError> {
        let mut messages = messages.into_iter();
        loop {
            let window: Vec<Outgoing> = messages.by_ref().take(WINDOW).collect();
            if window.is_empty() {
                return Ok(());
            }
            let outcomes =
                self.send(from, window).await.inspect_err(|error| self.alarm.raise(error.clone()))?;
            for outcome in outcomes {
                self.judge(outcome)?;
            }
        }
    }

    async fn send(&self, from: &Outlet, window: Vec<Outgoing>) -> Result<Outcomes, RabbitError> {
        from.publish(&self.topology.exchange, window).await.map_err(|error| self.explained(error))
    }

    /// A nack means that the queue is full; all other failures mean that the link is not usable.
    fn judge(&self, outcome: Result<Confirmation, lapin::Error>) -> Result<(), PublishError> {
        let failure = match outcome {
            Ok(Confirmation::Ack(None)) => return Ok(()),
            Ok(Confirmation::Nack(_)) => return Err(PublishError::Full),
            Ok(Confirmation::Ack(Some(returned))) => {
                RabbitError::Returned { detail: returned.reply_text.to_string() }
            }
            Ok(Confirmation::NotRequested) => {
                RabbitError::Returned { detail: "no confirmation was asked for".to_owned() }
            }
            Err(cause) => self.explained(RabbitError::broker("awaiting a confirm")(cause)),
        };
        self.alarm.raise(failure.clone());
        Err(failure.into())
    }

    /// A failure; if a permission is missing, with how to correct it.
    fn explained(&self, failure: RabbitError) -> RabbitError {
        self.topology.explain(failure, &self.topology.exchange)
    }

    fn outlet(&self, origin: Origin) -> &Outlet {
        match origin {
            Origin::Lane(Lane::Live) => &self.live,
            Origin::Lane(Lane::Bulk) => &self.bulk,
            Origin::Rescued => &self.rescued,
        }
    }

    /// Publishes a message that reaches no queue, to check whether the broker accepts and confirms messages.
    pub(super) async fn try_publishing(&self, options: &Options) -> Result<(), RabbitError> {
        let sending = async {
            let outcomes = self.send(&self.live, vec![Outgoing::unroutable()]).await?;
            let confirmed = outcomes.into_iter().collect::<Result<Vec<_>, _>>();
            confirmed.map_err(|cause| self.explained(RabbitError::broker("trying")(cause)))
        };
        tokio::select! {
            biased;
            blocked = self.until_blocked() => Err(blocked),
            confirmed = timeout(options.publish_time, sending) => match confirmed {
                Ok(confirmed) => confirmed.map(drop),
                Err(_) => Err(self.too_slow(options.publish_time)),
            }
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        let outlets = [&self.live, &self.bulk, &self.rescued];
        self.link.connection.status().connected() && outlets.into_iter().all(Outlet::is_connected)
    }

    fn too_slow(&self, limit: std::time::Duration) -> RabbitError {
        let failure = RabbitError::TooSlow { doing: "awaiting a confirm", limit };
        self.alarm.raise(failure.clone());
        failure
    }

    /// The reason why the broker blocks this connection, and since when; `None` if it does not.
    pub(super) fn blocked(&self) -> Option<(String, Timestamp)> {
        self.blocked.borrow().clone()
    }

    async fn until_blocked(&self) -> RabbitError {
        let mut blocked = self.blocked.subscribe();
        match blocked.wait_for(Option::is_some).await.as_deref() {
            Ok(Some((reason, _))) => RabbitError::Blocked { reason: reason.clone() },
            Ok(None) | Err(_) => RabbitError::Closed,
        }
    }
}
