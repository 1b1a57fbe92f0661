//! RabbitMQ under test: one broker that all tests share, and one that they mistreat in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use queue::contract::Rig;
use queue::rabbitmq::{Options, RabbitQueue};
use queue::{Clock, Queue};
use testbed::rabbitmq::{Broker, shared_url};
use tokio::sync::{Mutex, MutexGuard};

/// How long something may take that must happen: longer than on any machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Between looks.
const LOOK: Duration = Duration::from_millis(20);

/// A broker that is stopped, cut and starved. One test at a time has it, and leaves it well.
pub(crate) async fn mistreated() -> MutexGuard<'static, Option<Broker>> {
    static BROKER: Mutex<Option<Broker>> = Mutex::const_new(None);
    let mut broker = BROKER.lock().await;
    if broker.is_none() {
        *broker = Some(tokio::task::spawn_blocking(Broker::start).await.unwrap().unwrap());
    }
    broker
}

/// A clock that tells the time.
pub(crate) fn clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// Names that no other test has.
pub(crate) fn options() -> Options {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Options { prefix: format!("test-{}-{number}", std::process::id()), ..Options::default() }
}

pub(crate) async fn connect(url: &str, options: &Options) -> RabbitQueue {
    RabbitQueue::connect(&[url.to_owned()], options.clone(), clock()).await.unwrap()
}

/// Returns when `what` is so; panics when that takes longer than it ever should.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let patience = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < patience, "it never came to this: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// A look at the broker beside the engine.
pub(crate) struct Observer {
    _connection: Connection,
    pub(crate) channel: Channel,
}

impl Observer {
    pub(crate) async fn at(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self { _connection: connection, channel }
    }

    async fn declare_passively(&self, queue: &str) -> lapin::Queue {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        self.channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap()
    }

    pub(crate) async fn consumers(&self, queue: &str) -> u32 {
        self.declare_passively(queue).await.consumer_count()
    }

    pub(crate) async fn waiting(&self, queue: &str) -> u32 {
        self.declare_passively(queue).await.message_count()
    }
}

/// The engine against the contract, on the shared broker.
pub(crate) struct RabbitRig {
    url: String,
    options: Options,
}

impl RabbitRig {
    pub(crate) async fn shared() -> Self {
        let url = tokio::task::spawn_blocking(shared_url).await.unwrap().unwrap();
        Self { url, options: options() }
    }
}

#[async_trait]
impl Rig for RabbitRig {
    async fn open(&self) -> Arc<dyn Queue> {
        Arc::new(connect(&self.url, &self.options).await)
    }

    async fn open_limited(&self, max_bytes: u64) -> Arc<dyn Queue> {
        Arc::new(connect(&self.url, &Options { max_bytes, ..options() }).await)
    }

    async fn crash(&self, handle: Arc<dyn Queue>) {
        let live = format!("{}.live", self.options.prefix);
        let observer = Observer::at(&self.url).await;
        // A take that was in vain makes sure that it consumes, so that we can see it go.
        let held = handle.take(1, Duration::ZERO).await.unwrap();
        drop(held);
        let before = observer.consumers(&live).await;
        drop(handle);
        until("the broker sees that the process is gone", async || observer.consumers(&live).await < before)
            .await;
    }

    fn glance(&self) -> Duration {
        Duration::from_secs(1)
    }
}
