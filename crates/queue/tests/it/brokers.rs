//! RabbitMQ under test: one broker that all tests share, and two that tests disturb in turn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use lapin::options::{BasicGetOptions, BasicRejectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use queue::contract::{Rig, envelope, numbers};
use queue::rabbitmq::{Options, RabbitQueue};
use queue::{Clock, Consume as _, Envelope, Lane, Observe as _, Publish as _, Queue};
use testbed::rabbitmq::{Broker, shared_url};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a test waits for something that must happen: longer than any machine needs.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// Wait between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A broker that is stopped, cut and starved. One test at a time has it, and leaves it healthy. There are two, because
/// tests that wait for one keep others from running.
pub(crate) async fn broker_to_disturb() -> MutexGuard<'static, Option<Broker>> {
    static BROKERS: [Mutex<Option<Broker>>; 2] = [const { Mutex::const_new(None) }; 2];
    let mut broker = tokio::select! {
        one = BROKERS[0].lock() => one,
        other = BROKERS[1].lock() => other,
    };
    match &*broker {
        // A test that failed may have left it frozen, and others would wait for it for ever.
        Some(broker) => drop(broker.thaw()),
        None => *broker = Some(tokio::task::spawn_blocking(Broker::start).await.unwrap().unwrap()),
    }
    broker
}

/// A clock that shows the real time.
pub(crate) fn clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// Names that no other test has. Queues get no time to settle, which matters only if a broker is killed.
pub(crate) fn options() -> Options {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("test-{}-{number}", std::process::id());
    Options { prefix, settle_time: Duration::ZERO, ..Options::default() }
}

/// The URL of the broker that tests share.
pub(crate) async fn shared() -> String {
    tokio::task::spawn_blocking(shared_url).await.unwrap().unwrap()
}

/// The envelopes of a range of numbers, all of one connection, so that they share a message.
pub(crate) fn in_one_message(numbers: std::ops::Range<u32>, lane: Lane) -> Vec<Envelope> {
    numbers.map(|number| Envelope { connection: 1, ..envelope(number, lane) }).collect()
}

pub(crate) async fn connect(url: &str, options: &Options) -> RabbitQueue {
    RabbitQueue::connect(&[url.to_owned()], options.clone(), clock()).await.unwrap()
}

/// Returns when `holds` returns true; panics if that takes too long.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds().await {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits until all poison was sent back and acknowledged: if a handle is dropped before, its poison is sent back twice.
pub(crate) async fn until_poison_is_requeued(queue: &RabbitQueue) {
    // Poison counts as bulk.
    until("no poison is on its way", async || queue.depth().await.is_ok_and(|depth| depth.bulk == 0)).await;
}

/// Access to the broker beside the engine.
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

    /// Waits until the broker has the live queue's message again: it gets the messages of a handle when its connection has
    /// ended.
    pub(crate) async fn until_requeued(&self, prefix: &str) {
        let live = format!("{prefix}.live");
        until("the broker has it again", async || self.waiting(&live).await > 0).await;
    }

    /// Lets a message of a queue be delivered without an answer; returns whether there was one.
    pub(crate) async fn deliver_unanswered(&self, queue: &str) -> bool {
        let get = self.channel.basic_get(queue.into(), BasicGetOptions::default());
        let Some(message) = get.await.unwrap() else { return false };
        assert!(message.reject(BasicRejectOptions { requeue: true }).await.unwrap());
        true
    }

    /// Lets the live queue's only message be delivered without an answer until it is in the poison queue, which was empty.
    pub(crate) async fn deliver_unanswered_until_poison(&self, prefix: &str) {
        let (live, poison) = (format!("{prefix}.live"), format!("{prefix}.poison"));
        until("the message is poison", async || {
            self.deliver_unanswered(&live).await;
            self.waiting(&poison).await > 0
        })
        .await;
    }
}

/// The engine against the contract, on the shared broker.
pub(crate) struct RabbitRig {
    url: String,
    options: Options,
}

impl RabbitRig {
    pub(crate) async fn shared() -> Self {
        Self { url: shared().await, options: options() }
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
        // A lane's consumer may be replaced at any time, but the poison queue's never is.
        let poison = format!("{}.poison", self.options.prefix);
        let observer = Observer::at(&self.url).await;
        // A take that finds nothing ensures that the handle consumes, so that its end can be seen.
        let held = handle.take(1, Duration::ZERO).await.unwrap();
        drop(held);
        let before = observer.consumers(&poison).await;
        drop(handle);
        until("the broker sees that the process is gone", async || {
            observer.consumers(&poison).await < before
        })
        .await;
    }

    fn empty_wait(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// Events that were published, and whether the broker confirmed them.
#[derive(Default)]
pub(crate) struct Published {
    pub(crate) confirmed: BTreeSet<u32>,
    /// The longest time that a publisher waited for the broker.
    pub(crate) slowest: Duration,
}

/// Publishers that publish one event after the other, through all faults, until they are stopped.
pub(crate) struct Publishers {
    tasks: Vec<JoinHandle<Published>>,
    stop: Arc<AtomicBool>,
}

impl Publishers {
    pub(crate) fn start(queue: &Arc<RabbitQueue>, count: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |one| tokio::spawn(publish_until(Arc::clone(queue), Arc::clone(&stop), one * 1_000_000));
        Self { tasks: (0..count).map(start).collect(), stop }
    }

    pub(crate) async fn stop(self) -> Published {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Published::default();
        for task in self.tasks {
            let one = task.await.unwrap();
            all.confirmed.extend(one.confirmed);
            all.slowest = all.slowest.max(one.slowest);
        }
        all
    }
}

async fn publish_until(queue: Arc<RabbitQueue>, stop: Arc<AtomicBool>, from: u32) -> Published {
    let mut published = Published::default();
    for number in from.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let began = Instant::now();
        let is_confirmed = queue.publish(&[envelope(number, Lane::Live)]).await.is_ok();
        published.slowest = published.slowest.max(began.elapsed());
        if is_confirmed {
            published.confirmed.insert(number);
        } else {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    published
}

/// Takes and acknowledges until all of `expected` have come.
pub(crate) async fn take_all(queue: &RabbitQueue, expected: &BTreeSet<u32>) {
    let mut missing = expected.clone();
    while !missing.is_empty() {
        let batch = queue.take(1000, TIMEOUT).await.unwrap();
        assert!(!batch.is_empty(), "lost: {missing:?}");
        for number in numbers(&batch) {
            missing.remove(&number);
        }
        queue.acknowledge(&batch).await.unwrap();
    }
}
