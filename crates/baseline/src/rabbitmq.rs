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
use sqlx::pool::PoolOptions;
use sqlx::{PgPool, Postgres, query};
use tokio::task::JoinSet;

use crate::{CONCURRENCY, Refersion};

const QUEUE: &str = "refersion-destination.baseline";
const CREATE: &str = "CREATE TABLE IF NOT EXISTS baseline_outcomes
    (message_id text PRIMARY KEY, outcome text NOT NULL, affiliate bigint NOT NULL, at timestamptz NOT NULL)";
const INSERT: &str = "INSERT INTO baseline_outcomes VALUES ($1, 'updated', $2, now())";
const COUNT: &str = "SELECT COUNT(*) FROM baseline_outcomes";
const SETTINGS: &str =
    "SELECT current_setting('server_version'), string_agg(name || '=' || current_setting(name), ', ' ORDER BY name)
    FROM pg_settings WHERE name IN
        ('fsync', 'full_page_writes', 'max_wal_size', 'shared_buffers', 'synchronous_commit', 'wal_sync_method')";
const DROP: &str = "DROP TABLE IF EXISTS baseline_outcomes";
/// Size of the Postgres connection pool. On two cores a larger pool is not faster.
const CONNECTIONS: u32 = 16;
/// Number of unconfirmed messages while the queue is filled.
const MAX_UNCONFIRMED: usize = 1000;
/// AMQP's delivery mode for messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// URLs of the broker and the database.
#[derive(Clone)]
pub struct Engines {
    /// `amqp://…`
    pub broker: String,
    /// `postgres://…`
    pub database: String,
}

impl Engines {
    /// Publishes the events to a queue of its own, one persistent message for each, and creates an empty table. Returns
    /// when every message is confirmed.
    ///
    /// # Errors
    ///
    /// If an engine cannot be reached or refuses a request.
    pub async fn fill(&self, events: &[String]) -> anyhow::Result<()> {
        self.remove().await?;
        let pool = self.pool().await?;
        query::<Postgres>(CREATE).execute(&pool).await?;
        let (_connection, channel) = self.channel().await?;
        declare(&channel).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        for chunk in events.chunks(MAX_UNCONFIRMED) {
            let mut confirms = Vec::with_capacity(chunk.len());
            for event in chunk {
                confirms.push(publish(&channel, event).await?);
            }
            let confirmations = try_join_all(confirms).await?;
            let is_ack = |confirmation: &Confirmation| matches!(confirmation, Confirmation::Ack(None));
            anyhow::ensure!(confirmations.iter().all(is_ack), "the broker did not accept an event");
        }
        Ok(())
    }

    /// Processes `events` events from the queue: one call, one row and one acknowledgement for each.
    ///
    /// # Errors
    ///
    /// At the first event that fails.
    pub async fn process(&self, refersion: &Refersion, events: u64) -> anyhow::Result<()> {
        let pool = self.pool().await?;
        let (_connection, channel) = self.channel().await?;
        channel.basic_qos(CONCURRENCY, BasicQosOptions::default()).await?;
        let consumer = channel.basic_consume(
            QUEUE.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let mut deliveries = consumer.await?;
        let refersion = Arc::new(refersion.clone());
        let mut tasks = JoinSet::new();
        for _ in 0..events {
            let delivery = deliveries.next().await.context("the broker ended the consumer")??;
            let (refersion, pool) = (Arc::clone(&refersion), pool.clone());
            tasks.spawn(async move {
                let outcome = refersion.send(&delivery.data).await?;
                let affiliate = i64::try_from(outcome.affiliate)?;
                query(INSERT).bind(outcome.message_id).bind(affiliate).execute(&pool).await?;
                anyhow::ensure!(delivery.ack(BasicAckOptions::default()).await?, "the channel is closed");
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

    /// Number of events that have a row.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn processed(&self) -> anyhow::Result<u64> {
        let count = sqlx::query_scalar::<Postgres, i64>(COUNT);
        Ok(count.fetch_one(&self.pool().await?).await?.unsigned_abs())
    }

    /// The version of the database, and those of its settings that decide what survives a power cut, and how much is
    /// kept in memory.
    ///
    /// # Errors
    ///
    /// If the database cannot be reached.
    pub async fn database_settings(&self) -> anyhow::Result<(String, String)> {
        let settings = sqlx::query_as::<Postgres, (String, String)>(SETTINGS);
        Ok(settings.fetch_one(&self.pool().await?).await?)
    }

    /// Removes the queue and the table.
    ///
    /// # Errors
    ///
    /// If an engine cannot be reached or refuses a request.
    pub async fn remove(&self) -> anyhow::Result<()> {
        let (_connection, channel) = self.channel().await?;
        channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
        query::<Postgres>(DROP).execute(&self.pool().await?).await?;
        Ok(())
    }

    async fn channel(&self) -> anyhow::Result<(Connection, Channel)> {
        let connection = Connection::connect(&self.broker, ConnectionProperties::default()).await;
        let connection = connection.context("the plain worker cannot connect to the broker")?;
        let channel = connection.create_channel().await?;
        Ok((connection, channel))
    }

    /// Connects without sqlx's liveness check before each use, which would cost a round trip for each event.
    async fn pool(&self) -> anyhow::Result<PgPool> {
        let options = PoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        options.connect(&self.database).await.context("the plain worker cannot connect to the database")
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
