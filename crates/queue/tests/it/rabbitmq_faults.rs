//! The RabbitMQ engine with a broker that is cut, starved and killed.

use std::sync::Arc;
use std::time::Duration;

use queue::contract::{envelope, numbers};
use queue::rabbitmq::{Options, RabbitQueue};
use queue::{Consume as _, Lane, Publish as _, PublishError, QueueError};
use tokio::time::Instant;

use crate::brokers::{
    Observer, Publishers, TIMEOUT, broker_to_disturb, clock, connect, options, take_all, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn prefetch_is_kept_after_a_reconnect_and_earlier_batches_are_not_held() {
    let guard = broker_to_disturb().await;
    let broker = guard.as_ref().unwrap();
    let options = Options { prefetch: 4, ..options() };
    let queue = connect(&broker.url(), &options).await;
    for number in 0..20 {
        queue.publish(&[envelope(number, Lane::Live)]).await.unwrap();
    }
    let held = queue.take(1, TIMEOUT).await.unwrap();
    let live = format!("{}.live", options.prefix);
    let since = queue.health().since;
    broker.control(&["close_all_connections", "a test"]).unwrap();
    until("it is connected again", async || {
        let health = queue.health();
        health.publishing && health.consuming && health.since > since
    })
    .await;
    assert!(matches!(queue.acknowledge(&held).await, Err(QueueError::NotHeld { messages: 1 })));
    let again = queue.take(1, TIMEOUT).await.unwrap();
    assert!(again.redelivered);
    let observer = Observer::at(&broker.url()).await;
    // The first message came to a consumer with a prefetch of one.
    until("as much as the prefetch is unanswered", async || observer.waiting(&live).await == 15).await;
    queue.acknowledge(&again).await.unwrap();
    let next = queue.take(1, TIMEOUT).await.unwrap();
    queue.acknowledge(&next).await.unwrap();
    until("one more is delivered", async || observer.waiting(&live).await == 14).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_short_of_memory_refuses_events_in_time_and_delivers_others() {
    let guard = broker_to_disturb().await;
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
    let batch = queue.take(1, TIMEOUT).await.unwrap();
    queue.acknowledge(&batch).await.unwrap();
    broker.control(&["set_vm_memory_high_watermark", "0.6"]).unwrap();
    until("it can be published again", async || queue.publish(&[envelope(4, Lane::Live)]).await.is_ok())
        .await;
    assert!(queue.health().publishing);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_confirmed_is_lost_when_the_broker_is_killed() {
    let mut guard = broker_to_disturb().await;
    let broker = guard.as_mut().unwrap();
    // The broker is killed as soon as there is something to lose: without the settling time, new queues would be gone.
    let options = Options { settle_time: Options::default().settle_time, ..options() };
    let queue = Arc::new(connect(&broker.url(), &options).await);
    let publishers = Publishers::start(&queue, 4);
    let live = format!("{}.live", options.prefix);
    let observer = Observer::at(&broker.url()).await;
    until("some are published", async || observer.waiting(&live).await > 50).await;
    drop(observer);
    // Twice: the second time it is killed just after its start.
    for _ in 0..2 {
        tokio::task::block_in_place(|| {
            broker.kill().unwrap();
            broker.start_again().unwrap();
        });
    }
    let observer = Observer::at(&broker.url()).await;
    let restarted_with = observer.waiting(&live).await;
    until("more are published", async || observer.waiting(&live).await > restarted_with + 50).await;
    let published = publishers.stop().await;
    assert!(published.slowest < options.publish_time + Duration::from_secs(1), "{:?}", published.slowest);
    take_all(&queue, &published.confirmed).await;
}

/// The sockets of this machine that lead to a port, as `(all, established)`.
/// <https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html>
fn sockets_to(port: u16) -> (usize, usize) {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!(":{port:04X}");
    let states: Vec<&str> = table
        .lines()
        .filter(|line| line.split_whitespace().nth(2).is_some_and(|address| address.ends_with(&remote)))
        .filter_map(|line| line.split_whitespace().nth(3))
        .collect();
    (states.len(), states.iter().filter(|state| **state == ESTABLISHED).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_broker_refuses_events_in_time_without_leaking_connections() {
    let guard = broker_to_disturb().await;
    let broker = guard.as_ref().unwrap();
    let second = Duration::from_secs(1);
    let options = Options {
        prefetch: 4,
        publish_time: second,
        connect_time: second / 2,
        answer_time: second / 2,
        ..options()
    };
    let queue = connect(&format!("{}?heartbeat=1", broker.url()), &options).await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    let batch = queue.take(1, TIMEOUT).await.unwrap();
    queue.acknowledge(&batch).await.unwrap();
    broker.freeze().unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        let refused = queue.publish(&[envelope(2, Lane::Live)]).await;
        assert!(matches!(refused, Err(PublishError::Unavailable { .. })), "{refused:?}");
        assert!(began.elapsed() < 2 * second, "{:?}", began.elapsed());
    }
    until("health says no", async || !queue.health().publishing && !queue.health().consuming).await;
    let port = broker.url().split([':', '/']).nth(5).unwrap().parse().unwrap();
    until("it was tried again and again", async || sockets_to(port).0 >= 10).await;
    let (all, established) = sockets_to(port);
    assert!(established <= 4, "{established} of {all} sockets are still there");
    broker.thaw().unwrap();
    until("it can be published again", async || queue.publish(&[envelope(3, Lane::Live)]).await.is_ok())
        .await;
    until("it can be taken again", async || queue.take(1, second).await.is_ok_and(|batch| !batch.is_empty()))
        .await;
    let consumers = broker.control(&["list_consumers", "queue_name", "prefetch_count"]).unwrap();
    // The consumer of the bulk queue has not had a message yet, and begins with one.
    for (name, prefetch) in [("live", 4), ("bulk", 1), ("poison", 4)] {
        let line = format!("{}.{name}\t{prefetch}", options.prefix);
        assert!(consumers.lines().any(|found| found == line), "{line:?} is not in {consumers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_starts_without_a_broker_works_when_it_is_back() {
    let mut guard = broker_to_disturb().await;
    let broker = guard.as_mut().unwrap();
    tokio::task::block_in_place(|| broker.kill().unwrap());
    let queue = RabbitQueue::connect(&[broker.url()], options(), clock()).await.unwrap();
    let refused = queue.publish(&[envelope(1, Lane::Live)]).await;
    assert!(matches!(refused, Err(PublishError::Unavailable { .. })), "{refused:?}");
    assert!(!queue.health().publishing);
    tokio::task::block_in_place(|| broker.start_again().unwrap());
    until("it can be published", async || queue.publish(&[envelope(1, Lane::Live)]).await.is_ok()).await;
    assert_eq!(numbers(&queue.take(1, TIMEOUT).await.unwrap()), [1]);
}
