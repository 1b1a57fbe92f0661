//! The RabbitMQ engine with a broker that is cut, starved and killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use queue::contract::{envelope, numbers};
use queue::rabbitmq::{Options, RabbitQueue};
use queue::{Item, Lane, PublishError, Queue, QueueError};
use tokio::time::Instant;

use crate::brokers::{Observer, PATIENCE, clock, connect, mistreated, options, until};

#[tokio::test(flavor = "multi_thread")]
async fn prefetch_holds_after_a_forced_reconnect_and_old_batches_are_not_held() {
    let guard = mistreated().await;
    let broker = guard.as_ref().unwrap();
    let options = Options { prefetch: 4, ..options() };
    let queue = connect(&broker.url(), &options).await;
    for number in 0..20 {
        queue.publish(&[envelope(number, Lane::Live)]).await.unwrap();
    }
    let held = queue.take(1, PATIENCE).await.unwrap();
    let live = format!("{}.live", options.prefix);
    let since = queue.health().since;
    broker.control(&["close_all_connections", "a test"]).unwrap();
    until("it is connected again", async || {
        let health = queue.health();
        health.publishing && health.consuming && health.since > since
    })
    .await;
    assert!(matches!(queue.acknowledge(&held).await, Err(QueueError::NotHeld { messages: 1 })));
    let again = queue.take(1, PATIENCE).await.unwrap();
    assert!(again.redelivered);
    let observer = Observer::at(&broker.url()).await;
    until("as much as the prefetch is unanswered", async || observer.waiting(&live).await == 16).await;
    queue.acknowledge(&again).await.unwrap();
    until("one more is delivered", async || observer.waiting(&live).await == 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_short_of_memory_refuses_in_time_and_taking_goes_on() {
    let guard = mistreated().await;
    let broker = guard.as_ref().unwrap();
    let limit = Duration::from_secs(2);
    let options = Options { publish_time: limit, ..options() };
    let queue = connect(&broker.url(), &options).await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    broker.control(&["set_vm_memory_high_watermark", "0"]).unwrap();
    let began = Instant::now();
    until("publishing fails", async || {
        let published = queue.publish(&[envelope(2, Lane::Live)]).await;
        matches!(published, Err(PublishError::Unavailable { .. }))
    })
    .await;
    assert!(began.elapsed() < 2 * limit, "{:?}", began.elapsed());
    until("health says no", async || !queue.health().publishing).await;
    let began = Instant::now();
    assert!(queue.publish(&[envelope(3, Lane::Live)]).await.is_err());
    assert!(began.elapsed() < limit / 2, "who is known to be blocked need not wait");
    let batch = queue.take(1, PATIENCE).await.unwrap();
    queue.acknowledge(&batch).await.unwrap();
    broker.control(&["set_vm_memory_high_watermark", "0.6"]).unwrap();
    until("it can be published again", async || queue.publish(&[envelope(4, Lane::Live)]).await.is_ok())
        .await;
    assert!(queue.health().publishing);
}

/// Publishes one after the other until told to stop, and returns what was confirmed.
async fn publish_until(queue: Arc<RabbitQueue>, stop: Arc<tokio::sync::Notify>, from: u32) -> BTreeSet<u32> {
    let mut confirmed = BTreeSet::new();
    let mut stopped = std::pin::pin!(stop.notified());
    for number in from.. {
        let event = [envelope(number, Lane::Live)];
        tokio::select! {
            () = &mut stopped => break,
            published = queue.publish(&event) => {
                if published.is_ok() {
                    confirmed.insert(number);
                } else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }
    confirmed
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_confirmed_is_lost_when_the_broker_is_killed() {
    let mut guard = mistreated().await;
    let broker = guard.as_mut().unwrap();
    let options = options();
    let queue = Arc::new(connect(&broker.url(), &options).await);
    let stop = Arc::new(tokio::sync::Notify::new());
    let publishers: Vec<_> = (0..4)
        .map(|one| tokio::spawn(publish_until(Arc::clone(&queue), Arc::clone(&stop), one * 1_000_000)))
        .collect();
    let live = format!("{}.live", options.prefix);
    let observer = Observer::at(&broker.url()).await;
    until("some are published", async || observer.waiting(&live).await > 50).await;
    drop(observer);
    tokio::task::block_in_place(|| {
        broker.kill().unwrap();
        broker.start_again().unwrap();
    });
    let observer = Observer::at(&broker.url()).await;
    let restarted_with = observer.waiting(&live).await;
    until("more are published", async || observer.waiting(&live).await > restarted_with + 50).await;
    stop.notify_waiters();
    let mut confirmed = BTreeSet::new();
    for publisher in publishers {
        confirmed.extend(publisher.await.unwrap());
    }
    let mut found = BTreeSet::new();
    while !found.is_superset(&confirmed) {
        let batch = queue.take(1000, PATIENCE).await.unwrap();
        assert!(!batch.is_empty(), "lost: {:?}", confirmed.difference(&found).collect::<Vec<_>>());
        assert!(batch.items.iter().all(|item| matches!(item, Item::Readable(_))));
        found.extend(numbers(&batch));
        queue.acknowledge(&batch).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_starts_while_the_broker_is_down_and_works_when_it_comes() {
    let mut guard = mistreated().await;
    let broker = guard.as_mut().unwrap();
    tokio::task::block_in_place(|| broker.kill().unwrap());
    let queue = RabbitQueue::connect(&[broker.url()], options(), clock()).await.unwrap();
    let refused = queue.publish(&[envelope(1, Lane::Live)]).await;
    assert!(matches!(refused, Err(PublishError::Unavailable { .. })), "{refused:?}");
    assert!(!queue.health().publishing);
    tokio::task::block_in_place(|| broker.start_again().unwrap());
    until("it can be published", async || queue.publish(&[envelope(1, Lane::Live)]).await.is_ok()).await;
    assert_eq!(numbers(&queue.take(1, PATIENCE).await.unwrap()), [1]);
}
