//! The numbers of published events stay with them wherever they go; and policies that lose events, which only a comparison
//! of numbers reveals, are named.

use std::collections::BTreeMap;
use std::time::Duration;

use numbers::Ranges;
use queue::contract::envelope;
use queue::rabbitmq::{Options, RabbitQueue, lossy_policies};
use queue::{Batch, Consume as _, Depth, Envelope, Lane, Observe as _, Publish as _, Published};
use testbed::rabbitmq::Broker;
use tokio::time::Instant;
use uuid::Uuid;

use crate::brokers::{
    Observer, Publishers, TIMEOUT, broker_to_disturb, connect, in_one_message, options, shared, until,
    until_poison_is_requeued,
};

type Numbers = BTreeMap<Uuid, Ranges>;

fn add(all: &mut Numbers, batch: &Batch) {
    for (stream, numbers) in batch.numbers() {
        all.entry(stream).or_default().add(&numbers);
    }
}

fn confirmed(queue: &RabbitQueue) -> Numbers {
    let published: Vec<Published> = queue.published().unwrap();
    published.into_iter().map(|it| (it.stream, it.confirmed)).collect()
}

/// Takes and acknowledges until the queue is empty.
async fn drain(queue: &RabbitQueue, arrived: &mut Numbers) {
    let end = Instant::now() + TIMEOUT;
    while queue.depth().await.unwrap() != Depth::default() {
        assert!(Instant::now() < end, "left: {:?}, arrived: {arrived:?}", queue.depth().await);
        let batch = queue.take(1000, Duration::from_secs(1)).await.unwrap();
        add(arrived, &batch);
        queue.acknowledge(&batch).await.unwrap();
    }
}

fn missing(queue: &RabbitQueue, arrived: &Numbers) -> u64 {
    let left = |(stream, numbers): (Uuid, Ranges)| match arrived.get(&stream) {
        Some(arrived) => numbers.without(arrived).count(),
        None => numbers.count(),
    };
    confirmed(queue).into_iter().map(left).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_queue_counts_its_events_from_one() {
    let queue = connect(&shared().await, &Options { live_queues: 2, ..options() }).await;
    assert_eq!(confirmed(&queue), Numbers::new());
    for lane in [Lane::Live, Lane::Bulk] {
        for _ in 0..2 {
            queue.publish(&in_one_message(0..5, lane)).await.unwrap();
        }
    }
    let published = queue.published().unwrap();
    let counted: Vec<_> = published.iter().map(|it| (it.lane, it.confirmed.to_string())).collect();
    assert_eq!(
        counted,
        [(Lane::Live, "1-5".to_owned()), (Lane::Live, "1-5".to_owned()), (Lane::Bulk, "1-10".to_owned())]
    );
    let mut arrived = Numbers::new();
    drain(&queue, &mut arrived).await;
    assert_eq!(arrived, confirmed(&queue));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_survive_a_move_to_the_bulk_lane() {
    let (url, options) = (shared().await, Options { prefetch: 4, ..options() });
    let queue = connect(&url, &options).await;
    for number in 0..40 {
        queue.publish(&[Envelope { connection: 1, ..envelope(number, Lane::Live) }]).await.unwrap();
    }
    let mut arrived = Numbers::new();
    let first = queue.take(1, TIMEOUT).await.unwrap();
    add(&mut arrived, &first);
    queue.acknowledge(&first).await.unwrap();
    until("most have stepped aside", async || queue.depth().await.unwrap().bulk >= 30).await;
    drain(&queue, &mut arrived).await;
    assert_eq!(arrived, confirmed(&queue));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_survive_two_rounds_through_the_poison_queue() {
    let (url, options) = (shared().await, Options { publish_time: TIMEOUT, ..options() });
    let queue = connect(&url, &options).await;
    let observer = Observer::at(&url).await;
    queue.publish(&in_one_message(0..5, Lane::Live)).await.unwrap();
    observer.deliver_unanswered_until_poison(&options.prefix).await;
    let (mut arrived, mut taken) = (Numbers::new(), 0);
    while taken < 4 {
        let batch = queue.take(1, TIMEOUT).await.unwrap();
        taken += batch.items.len();
        add(&mut arrived, &batch);
        queue.acknowledge(&batch).await.unwrap();
    }
    assert_eq!(missing(&queue, &arrived), 1, "each has a number of its own");
    let last = queue.take(1, TIMEOUT).await.unwrap();
    assert_eq!(last.items.len(), 1);
    until_poison_is_requeued(&queue).await;
    let published = confirmed(&queue);
    drop(queue);
    observer.until_requeued(&options.prefix).await;
    observer.deliver_unanswered_until_poison(&options.prefix).await;
    let queue = connect(&url, &options).await;
    let batch = queue.take(10, TIMEOUT).await.unwrap();
    add(&mut arrived, &batch);
    queue.acknowledge(&batch).await.unwrap();
    assert_eq!(arrived, published, "the one that dies too");
}

/// Confirms fail, connections are cut and messages are delivered again: all confirmed events arrive, and no others count as
/// missing.
#[tokio::test(flavor = "multi_thread")]
async fn no_number_is_missed_after_kills_and_failed_publishes() {
    let mut broker = broker_to_disturb().await;
    let url = broker.as_ref().unwrap().url();
    let options = Options { settle_time: Duration::from_secs(3), ..options() };
    let queue = std::sync::Arc::new(connect(&url, &options).await);
    let publishers = Publishers::start(&queue, 4);
    let mut arrived = Numbers::new();
    for round in 0..3 {
        for _ in 0..20 {
            if let Ok(batch) = queue.take(100, Duration::from_millis(50)).await {
                // If the link fails, a part of the batch is not acknowledged; it is delivered again.
                if queue.acknowledge(&batch).await.is_ok() {
                    add(&mut arrived, &batch);
                }
            }
        }
        if round < 2 {
            let broker = broker.as_mut().unwrap();
            broker.kill().unwrap();
            broker.start_again().unwrap();
        }
        until("it publishes again", async || queue.health().publishing).await;
    }
    let published = publishers.stop().await;
    drain(&queue, &mut arrived).await;
    assert_eq!(missing(&queue, &arrived), 0);
    let counted: u64 = confirmed(&queue).values().map(Ranges::count).sum();
    assert_eq!(counted, published.confirmed.len() as u64);
}

/// A policy of one kind, set and cleared with `rabbitmqctl`.
struct LossyPolicy<'a> {
    broker: &'a Broker,
    options: Options,
    kind: &'static str,
}

impl LossyPolicy<'_> {
    fn set(&self, definition: &str) {
        let pattern = format!("^{}\\.", self.options.prefix);
        let set = ["lossy", &pattern, definition, "--apply-to", "queues"];
        self.broker.control(&[&[&*format!("set_{}", self.kind)], &set[..]].concat()).unwrap();
    }

    fn clear(&self) {
        self.broker.control(&[&format!("clear_{}", self.kind), "lossy"]).unwrap();
    }

    /// Waits until the management API reports that this is defined for these queues; its data is some seconds old.
    async fn until_named(&self, key: &str, queues: &[&str]) {
        let urls = [self.broker.url()];
        let wanted: Vec<_> = queues.iter().map(|name| format!("{}.{name}", self.options.prefix)).collect();
        until("the policy is named", async || {
            let found = lossy_policies(&self.broker.management_url(), &urls, &self.options).await.unwrap();
            let is_ours = |name: &Option<String>| name.as_deref() == Some("lossy");
            assert!(found.iter().all(|it| is_ours(&it.policy) != is_ours(&it.operator_policy)), "{found:?}");
            let named = found.iter().filter(|it| it.key == key);
            named.map(|it| it.queue.clone()).collect::<Vec<_>>() == wanted
        })
        .await;
    }

    /// The number of forty events that are missing when the queue is empty, and the number that came.
    async fn count_lost(&self, publisher: &RabbitQueue) -> (u64, u64) {
        let worker = connect(&self.broker.url(), &self.options).await;
        let mut arrived = Numbers::new();
        drain(&worker, &mut arrived).await;
        (missing(publisher, &arrived), arrived.values().map(Ranges::count).sum())
    }
}

async fn publish_forty(publisher: &RabbitQueue) {
    for number in 0..40 {
        publisher.publish(&[envelope(number, Lane::Live)]).await.unwrap();
    }
}

const ALL: [&str; 3] = ["live", "bulk", "poison"];

async fn with_management() -> Broker {
    tokio::task::spawn_blocking(Broker::start_with_management).await.unwrap().unwrap()
}

/// Events that wait for too long.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_ttl_is_named_and_leaves_a_gap() {
    let broker = with_management().await;
    for kind in ["policy", "operator_policy"] {
        let lossy = LossyPolicy { broker: &broker, options: options(), kind };
        let publisher = connect(&broker.url(), &lossy.options).await;
        lossy.until_named("message-ttl", &[]).await;
        lossy.set(r#"{"message-ttl":1}"#);
        lossy.until_named("message-ttl", &ALL).await;
        publish_forty(&publisher).await;
        until("they are gone", async || publisher.depth().await.is_ok_and(|it| it == Depth::default())).await;
        lossy.clear();
        assert_eq!(lossy.count_lost(&publisher).await, (40, 0), "{kind}");
    }
}

/// Queues that are not used for too long.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_expires_is_named_and_leaves_a_gap() {
    let broker = with_management().await;
    for kind in ["policy", "operator_policy"] {
        let lossy = LossyPolicy { broker: &broker, options: options(), kind };
        let publisher = connect(&broker.url(), &lossy.options).await;
        lossy.set(r#"{"expires":15000}"#);
        lossy.until_named("expires", &ALL).await;
        publish_forty(&publisher).await;
        let queues = || broker.control(&["list_queues", "name"]).unwrap();
        until("the queues are gone", async || !queues().contains(&lossy.options.prefix)).await;
        lossy.clear();
        assert_eq!(lossy.count_lost(&publisher).await, (40, 0), "{kind}");
    }
}

/// The oldest events of a full queue. The policy overrides the queue's own `reject-publish`; operator policies cannot do
/// that.
#[tokio::test(flavor = "multi_thread")]
async fn drop_head_is_named_and_leaves_a_gap() {
    let broker = with_management().await;
    let lossy = LossyPolicy { broker: &broker, options: options(), kind: "policy" };
    let publisher = connect(&broker.url(), &lossy.options).await;
    lossy.set(r#"{"overflow":"drop-head","max-length":5}"#);
    lossy.until_named("overflow", &ALL).await;
    publish_forty(&publisher).await;
    lossy.clear();
    let (missing, arrived) = lossy.count_lost(&publisher).await;
    assert_eq!(missing + arrived, 40);
    assert!(missing >= 20, "five of each queue may be left: {missing}");
}
