//! The plain worker on RabbitMQ and Postgres.

use std::sync::Arc;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use sqlx_core::pool::PoolOptions;
use sqlx_core::query::query;
use sqlx_postgres::{PgPool, Postgres};
use tokio::task::JoinSet;

use crate::{AT_ONCE, Refersion};

/// The queue.
const QUEUE: &str = "refersion-destination.yardstick";
/// The table.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS yardstick_outcomes
    (message_id text PRIMARY KEY, outcome text NOT NULL, affiliate bigint NOT NULL, at timestamptz NOT NULL)";
const INSERT: &str = "INSERT INTO yardstick_outcomes VALUES ($1, 'updated', $2, now())";
const COUNT: &str = "SELECT COUNT(*) FROM yardstick_outcomes";
const DROP: &str = "DROP TABLE IF EXISTS yardstick_outcomes";
/// Connections to Postgres: more do not make it faster on two cores.
const CONNECTIONS: u32 = 16;
/// Messages under way at once while the queue is filled.
const PUBLISHED_AT_ONCE: usize = 1000;
/// AMQP's mark for messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// Where the engines are.
#[derive(Clone)]
pub struct Engines {
    /// `amqp://…`
    pub broker: String,
    /// `postgres://…`
    pub database: String,
}

impl Engines {
    /// Puts events into a queue of its own, one in a message, persistent and confirmed, and makes an empty table.
    ///
    /// # Errors
    ///
    /// If an engine does not do what it is told.
    pub async fn fill(&self, events: &[String]) -> anyhow::Result<()> {
        self.remove().await?;
        let pool = self.pool().await?;
        query::<Postgres>(CREATE).execute(&pool).await?;
        let (_connection, channel) = self.channel().await?;
        declare(&channel).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        for some in events.chunks(PUBLISHED_AT_ONCE) {
            let mut confirms = Vec::with_capacity(some.len());
            for event in some {
                confirms.push(publish(&channel, event).await?);
            }
            let confirmed = try_join_all(confirms).await?;
            let clean = |confirmation: &Confirmation| matches!(confirmation, Confirmation::Ack(None));
            anyhow::ensure!(confirmed.iter().all(clean), "the broker did not take an event");
        }
        Ok(())
    }

    /// Works off `events` events of the queue: a call, a row and an acknowledgement for each.
    ///
    /// # Errors
    ///
    /// At the first event that fails.
    pub async fn work(&self, refersion: &Refersion, events: u64) -> anyhow::Result<()> {
        let pool = self.pool().await?;
        let (_connection, channel) = self.channel().await?;
        channel.basic_qos(AT_ONCE, BasicQosOptions::default()).await?;
        let consuming = channel.basic_consume(
            QUEUE.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let mut deliveries = consuming.await?;
        let (refersion, pool) = (Arc::new(refersion.clone()), pool);
        let mut tasks = JoinSet::new();
        for _ in 0..events {
            let delivery = deliveries.next().await.context("the broker ended the consumer")??;
            let (refersion, pool) = (Arc::clone(&refersion), pool.clone());
            tasks.spawn(async move {
                let outcome = refersion.tell(&delivery.data).await?;
                let affiliate = i64::try_from(outcome.affiliate)?;
                query(INSERT).bind(outcome.message_id).bind(affiliate).execute(&pool).await?;
                anyhow::ensure!(delivery.ack(BasicAckOptions::default()).await?, "the channel is gone");
                Ok(())
            });
            while let Some(ended) = tasks.try_join_next() {
                ended??;
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// How many events have a row.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn worked_off(&self) -> anyhow::Result<u64> {
        let counted = sqlx_core::query_scalar::query_scalar::<Postgres, i64>(COUNT);
        Ok(counted.fetch_one(&self.pool().await?).await?.unsigned_abs())
    }

    /// Removes the queue and the table.
    ///
    /// # Errors
    ///
    /// If an engine does not do what it is told.
    pub async fn remove(&self) -> anyhow::Result<()> {
        let (_connection, channel) = self.channel().await?;
        channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
        query::<Postgres>(DROP).execute(&self.pool().await?).await?;
        Ok(())
    }

    async fn channel(&self) -> anyhow::Result<(Connection, Channel)> {
        let connection = Connection::connect(&self.broker, ConnectionProperties::default()).await;
        let connection = connection.context("the plain worker does not reach the broker")?;
        let channel = connection.create_channel().await?;
        Ok((connection, channel))
    }

    /// Without sqlx's signs of life before each use, which would cost it a round trip for every event.
    async fn pool(&self) -> anyhow::Result<PgPool> {
        let options = PoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        options.connect(&self.database).await.context("the plain worker does not reach the database")
    }
}

async fn declare(channel: &Channel) -> anyhow::Result<()> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(QUEUE.into(), durable, arguments).await?;
    Ok(())
}

async fn publish(channel: &Channel, event: &str) -> lapin::Result<lapin::PublisherConfirm> {
    let mandatory = BasicPublishOptions { mandatory: true, ..Default::default() };
    let persistent = BasicProperties::default().with_delivery_mode(PERSISTENT);
    channel.basic_publish("".into(), QUEUE.into(), mandatory, event.as_bytes(), persistent).await
}
