//! The queue by its URL: a SQLite file, or RabbitMQ.

use std::sync::Arc;

use queue::rabbitmq::{self, Health, LossyPolicy, Options, RabbitQueue};
use queue::sqlite::{Settings, SqliteQueue};
use queue::{Queue, QueueError};

use super::EngineError;
use crate::clock::Clock;
use crate::config::{self, ManagementUrl, QueueUrl};

/// An open queue, with the functions that only one engine has. Cheap to clone.
#[derive(Clone)]
pub enum QueueEngine {
    /// A SQLite file.
    File(SqliteQueue),
    /// RabbitMQ.
    Broker(Arc<RabbitQueue>),
}

impl QueueEngine {
    /// Opens the queue as [`QueueEngine::open`] does. A damaged file is set aside, and its readable messages are rescued.
    pub(super) async fn open_repaired(settings: &config::Queue, clock: &Clock) -> Result<Self, EngineError> {
        let QueueUrl::Sqlite(path) = &settings.url else { return Self::open(settings, clock).await };
        let opened = SqliteQueue::open_repaired(path, file_settings(settings), Arc::clone(clock)).await;
        Ok(Self::File(opened.map_err(|source| EngineError::Mending { path: path.clone(), source })?))
    }

    /// The file, to be watched for damage; `None` where there is a broker.
    #[must_use]
    pub fn file(&self) -> Option<&SqliteQueue> {
        match self {
            Self::File(file) => Some(file),
            Self::Broker(_) => None,
        }
    }

    /// Opens the queue. A queue on a broker that is away counts as open: it is unavailable until the broker returns.
    pub(super) async fn open(settings: &config::Queue, clock: &Clock) -> Result<Self, EngineError> {
        match &settings.url {
            QueueUrl::Sqlite(path) => {
                let opened = SqliteQueue::open(path, file_settings(settings), Arc::clone(clock)).await;
                Ok(Self::File(opened.map_err(|source| EngineError::Queue { path: path.clone(), source })?))
            }
            QueueUrl::Amqp(_) => {
                let opened =
                    RabbitQueue::connect(&urls(settings), options(settings)?, Arc::clone(clock)).await;
                Ok(Self::Broker(Arc::new(opened.map_err(EngineError::Broker)?)))
            }
        }
    }

    /// Opens an existing queue as [`QueueEngine::open`] does: declares nothing on a broker.
    pub(super) async fn open_existing(settings: &config::Queue, clock: &Clock) -> Result<Self, EngineError> {
        if matches!(settings.url, QueueUrl::Sqlite(_)) {
            return Self::open(settings, clock).await;
        }
        let options = Options { declares: false, ..options(settings)? };
        let opened = RabbitQueue::connect(&urls(settings), options, Arc::clone(clock)).await;
        Ok(Self::Broker(Arc::new(opened.map_err(EngineError::Broker)?)))
    }

    /// The queue as everybody uses it.
    #[must_use]
    pub fn port(&self) -> Arc<dyn Queue> {
        match self {
            Self::File(file) => Arc::new(file.clone()),
            Self::Broker(broker) => Arc::clone(broker) as Arc<dyn Queue>,
        }
    }

    /// Returns messages that a killed worker of this machine held to the queue at once, and counts them. Called when a worker
    /// starts. A broker does this by itself.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub async fn take_back(&self) -> Result<usize, QueueError> {
        match self {
            Self::File(file) => file.reclaim().await,
            Self::Broker(_) => Ok(0),
        }
    }

    /// The state of the links to the broker; `None` if there is no broker.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        match self {
            Self::File(_) => None,
            Self::Broker(broker) => Some(broker.health()),
        }
    }
}

/// Opens the file, or connects to the broker, checks the user's permissions there and disconnects. Missing exchange and queues
/// are declared if `declares`.
pub async fn probe(settings: &config::Queue, clock: &Clock, declares: bool) -> Result<(), EngineError> {
    if matches!(settings.url, QueueUrl::Sqlite(_)) {
        return QueueEngine::open(settings, clock).await.map(drop);
    }
    let options = Options { declares, ..options(settings)? };
    RabbitQueue::probe(&urls(settings), options, Arc::clone(clock)).await.map_err(EngineError::Broker)
}

/// The policies of the broker by which it throws events away, and the virtual host in which they are. `None` if the
/// address of its management API is not set.
pub async fn lossy_policies(
    settings: &config::Queue,
) -> Result<Option<(String, Vec<LossyPolicy>)>, EngineError> {
    let Some(ManagementUrl(url)) = &settings.management_url else { return Ok(None) };
    let urls = urls(settings);
    let host = rabbitmq::virtual_host(&urls).map_err(EngineError::Broker)?;
    let lossy = rabbitmq::lossy_policies(url.reveal(), &urls, &options(settings)?).await;
    Ok(Some((host, lossy.map_err(EngineError::Broker)?)))
}

fn file_settings(settings: &config::Queue) -> Settings {
    Settings { max_bytes: settings.max_bytes.0, ..Settings::default() }
}

fn urls(settings: &config::Queue) -> Vec<String> {
    match &settings.url {
        QueueUrl::Sqlite(_) => Vec::new(),
        QueueUrl::Amqp(nodes) => nodes.iter().map(|node| node.reveal().to_owned()).collect(),
    }
}

fn options(settings: &config::Queue) -> Result<Options, EngineError> {
    // A number above the range of the engine stays above it, and the engine refuses it with a message.
    let queues = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    let read = |path: &std::path::PathBuf| {
        let unreadable = |source| EngineError::CaFile { path: path.clone(), source };
        std::fs::read_to_string(path).map_err(unreadable)
    };
    Ok(Options {
        prefix: settings.prefix.clone(),
        live_queues: queues(settings.live_queues),
        bulk_queues: queues(settings.bulk_queues),
        max_bytes: settings.max_bytes.0,
        ca_pem: settings.ca_file.as_ref().map(read).transpose()?,
        ..Options::default()
    })
}
