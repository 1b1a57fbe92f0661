//! A channel that publishes, for one publisher at a time.
//!
//! lapin numbers a message first, and hands over its frames a moment later, under another lock. If two tasks publish on one
//! channel, the second message may therefore be the first on the wire; the broker counts messages in the order of arrival,
//! so each task gets the other's confirm. Moreover, lapin attributes a returned message to the next confirm, whichever that
//! is. So a publishing caller has the channel for itself until all its confirms have arrived. (lapin 4.12,
//! `Channel::basic_publish` and `Acknowledgements`.)

use std::sync::Arc;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use tokio::sync::Mutex;

use super::amqp_connection::AmqpConnection;
use super::error::within;
use super::message::Outgoing;
use super::{Options, RabbitError};

/// The outcome of each message, in order.
pub(super) type Outcomes = Vec<Result<Confirmation, lapin::Error>>;

/// See the module's documentation.
pub(super) struct Outlet {
    channel: Channel,
    turn: Arc<Mutex<()>>,
}

impl Outlet {
    pub(super) async fn open(link: &AmqpConnection, options: &Options) -> Result<Self, RabbitError> {
        let opening = link.connection.create_channel();
        let channel = within(options.answer_time, "opening a channel", opening).await?;
        let confirming = channel.confirm_select(ConfirmSelectOptions::default());
        within(options.answer_time, "asking for confirms", confirming).await?;
        Ok(Self { channel, turn: Arc::default() })
    }

    pub(super) fn is_connected(&self) -> bool {
        self.channel.status().connected()
    }

    /// Publishes all messages with `mandatory` set. If the caller is cancelled, publishing continues in the background, so
    /// the channel is not reused until its confirms have arrived, or the channel ends.
    pub(super) async fn publish(
        &self,
        exchange: &str,
        messages: Vec<Outgoing>,
    ) -> Result<Outcomes, RabbitError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let (channel, exchange) = (self.channel.clone(), exchange.to_owned());
        let publishing = tokio::spawn(async move {
            let outcomes = publish(&channel, &exchange, &messages).await;
            drop(turn);
            outcomes
        });
        // No answer means that the runtime is shutting down.
        publishing.await.unwrap_or(Err(RabbitError::Closed))
    }
}

async fn publish(channel: &Channel, exchange: &str, messages: &[Outgoing]) -> Result<Outcomes, RabbitError> {
    let mandatory = BasicPublishOptions { mandatory: true, ..Default::default() };
    let mut confirms = Vec::with_capacity(messages.len());
    for message in messages {
        let sent = channel.basic_publish(
            exchange.into(),
            message.key.as_str().into(),
            mandatory,
            &message.body,
            message.properties.clone(),
        );
        confirms.push(sent.await.map_err(RabbitError::broker("publishing"))?);
    }
    Ok(join_all(confirms).await)
}
