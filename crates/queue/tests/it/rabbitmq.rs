//! Special features of the RabbitMQ engine, on the shared broker.

use std::collections::BTreeSet;
use std::time::Duration;

use lapin::options::{BasicGetOptions, BasicRejectOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use queue::contract::{envelope, numbers};
use queue::rabbitmq::{DELIVERY_LIMIT, Options, RabbitError, RabbitQueue};
use queue::{Consume as _, Envelope, FORMAT, Item, Lane, Observe as _, Publish as _, PublishError};

use crate::brokers::{
    Observer, TIMEOUT, clock, connect, in_one_message, options, shared, until, until_poison_is_requeued,
};

#[tokio::test(flavor = "multi_thread")]
async fn different_arguments_of_a_queue_are_reported_with_its_name_and_the_argument() {
    let (url, options) = (shared().await, options());
    drop(connect(&url, &options).await);
    let other = Options { max_bytes: 1_000_000, ..options.clone() };
    let error = RabbitQueue::connect(&[url], other, clock()).await.unwrap_err();
    let RabbitError::Mismatch { name, argument, .. } = &error else { panic!("{error}") };
    assert_eq!(argument, "x-max-length-bytes");
    assert!(name.starts_with(&options.prefix), "{name}");
    assert!(error.needs_an_operator());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_of_a_connection_are_one_persistent_message() {
    let (url, options) = (shared().await, options());
    let queue = connect(&url, &options).await;
    let events = (0..200).map(|number| Envelope { connection: 1, ..envelope(number, Lane::Live) });
    queue.publish(&events.collect::<Vec<_>>()).await.unwrap();
    let observer = Observer::at(&url).await;
    let live = format!("{}.live", options.prefix);
    let got = observer.channel.basic_get(live.as_str().into(), BasicGetOptions::default()).await.unwrap();
    let message = got.unwrap();
    assert_eq!(message.message_count, 0, "there is no other");
    assert_eq!(*message.properties.delivery_mode(), Some(2), "it survives a restart of the broker");
    assert!(message.reject(BasicRejectOptions { requeue: true }).await.unwrap());
    assert_eq!(queue.take(1000, TIMEOUT).await.unwrap().items.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_are_tried_in_turn() {
    let urls = ["amqp://127.0.0.1:1/%2f".to_owned(), shared().await];
    let queue = RabbitQueue::connect(&urls, options(), clock()).await.unwrap();
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    assert!(queue.health().publishing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_created_again_within_five_seconds() {
    let (url, options) = (shared().await, options());
    let queue = connect(&url, &options).await;
    assert!(queue.take(1, Duration::ZERO).await.unwrap().is_empty());
    let (observer, before) = (Observer::at(&url).await, queue.health());
    let live = format!("{}.live", options.prefix);
    observer.channel.queue_delete(live.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let deleted = tokio::time::Instant::now();
    // Somebody else creates another queue of that name first, so that it cannot be declared again.
    let plain = QueueDeclareOptions { durable: true, ..Default::default() };
    observer.channel.queue_declare(live.as_str().into(), plain, FieldTable::default()).await.unwrap();
    until("health says no", async || !queue.health().consuming).await;
    assert!(deleted.elapsed() < Duration::from_secs(5));
    until("health says why", async || {
        queue.health().why.is_some_and(|why| why.contains(&format!("{live} exists with another x-")))
    })
    .await;
    observer.channel.queue_delete(live.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let mended = tokio::time::Instant::now();
    until("health says yes", async || queue.health().consuming).await;
    assert!(mended.elapsed() < Duration::from_secs(5));
    assert!(queue.health().since > before.since);
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    assert_eq!(numbers(&queue.take(1, TIMEOUT).await.unwrap()), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_reaches_no_queue_is_not_published_and_the_binding_is_restored() {
    let (url, options) = (shared().await, options());
    let queue = connect(&url, &options).await;
    let observer = Observer::at(&url).await;
    let (live, exchange) = (format!("{}.live", options.prefix), options.prefix.as_str());
    let unbinding =
        observer.channel.queue_unbind(live.into(), exchange.into(), "live".into(), FieldTable::default());
    unbinding.await.unwrap();
    let lost = queue.publish(&[envelope(1, Lane::Live)]).await;
    assert!(matches!(lost, Err(PublishError::Unavailable { .. })), "{lost:?}");
    until("it can be published again", async || queue.publish(&[envelope(1, Lane::Live)]).await.is_ok())
        .await;
    assert_eq!(numbers(&queue.take(1, TIMEOUT).await.unwrap()), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_event_that_crashes_every_taker_becomes_a_dead_letter() {
    // With a shorter limit, a slow machine might send an event back twice, and one of the two copies would stay readable.
    let (url, options) = (shared().await, Options { publish_time: TIMEOUT, ..options() });
    let queue = connect(&url, &options).await;
    let observer = Observer::at(&url).await;
    queue.publish(&in_one_message(0..5, Lane::Live)).await.unwrap();
    observer.deliver_unanswered_until_poison(&options.prefix).await;
    // Its events come back one by one. All but one are good.
    let mut well = Vec::new();
    while well.len() < 5 {
        let batch = queue.take(1, TIMEOUT).await.unwrap();
        let [number] = numbers(&batch)[..] else { panic!("not alone: {batch:?}") };
        well.push(number);
        if number != 3 {
            queue.acknowledge(&batch).await.unwrap();
        }
    }
    until_poison_is_requeued(&queue).await;
    drop(queue);
    observer.until_requeued(&options.prefix).await;
    observer.deliver_unanswered_until_poison(&options.prefix).await;
    let queue = connect(&url, &options).await;
    let batch = queue.take(10, TIMEOUT).await.unwrap();
    let [Item::Unreadable { raw, .. }] = &batch.items[..] else { panic!("{batch:?}") };
    let unreadable: Envelope = serde_json::from_slice(raw).unwrap();
    assert_eq!(unreadable.event_id.as_u128(), 3);
    queue.acknowledge(&batch).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().live, 0);
}

/// An event that only a newer program can read.
fn newer(number: u32) -> Envelope {
    Envelope { format: FORMAT + 1, ..envelope(number, Lane::Live) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivered_event_of_a_newer_format_does_not_delay_others() {
    let (url, options) = (shared().await, options());
    let queue = connect(&url, &options).await;
    let observer = Observer::at(&url).await;
    queue.publish(&[newer(1)]).await.unwrap();
    let live = format!("{}.live", options.prefix);
    for _ in 0..3 {
        assert!(observer.deliver_unanswered(&live).await);
    }
    queue.publish(&[envelope(2, Lane::Live)]).await.unwrap();
    assert_eq!(numbers(&queue.take(10, TIMEOUT).await.unwrap()), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_format_is_left_in_the_poison_queue_too() {
    let (url, options) = (shared().await, options());
    let queue = connect(&url, &options).await;
    let observer = Observer::at(&url).await;
    queue.publish(&[newer(1)]).await.unwrap();
    observer.deliver_unanswered_until_poison(&options.prefix).await;
    let poison = format!("{}.poison", options.prefix);
    let old = connect(&url, &options).await;
    assert!(old.take(1, Duration::from_secs(1)).await.unwrap().is_empty());
    until("it holds the poison", async || observer.waiting(&poison).await == 0).await;
    drop(old);
    until("the poison is there again", async || observer.waiting(&poison).await == 1).await;
}

/// If a process crashes, all messages that it held count as lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_crashes_its_taker_does_not_affect_others() {
    const EVENTS: u32 = 40;
    const KILLER: u32 = 7;
    let (url, options) = (shared().await, options());
    let publisher = connect(&url, &options).await;
    for number in 0..EVENTS {
        publisher.publish(&[envelope(number, Lane::Live)]).await.unwrap();
    }
    let (mut well, mut lives) = (BTreeSet::new(), 0);
    let unreadable = 'lives: loop {
        lives += 1;
        let queue = connect(&url, &options).await;
        loop {
            let mut batch = queue.take(10, TIMEOUT).await.unwrap();
            let unreadable = |item: &mut Item| matches!(item, Item::Unreadable { .. });
            let unreadable = batch.items.extract_if(.., unreadable).next();
            let numbers = numbers(&batch);
            if numbers.contains(&KILLER) {
                continue 'lives;
            }
            queue.acknowledge(&batch).await.unwrap();
            well.extend(numbers);
            if let Some(Item::Unreadable { raw, .. }) = unreadable {
                break 'lives serde_json::from_slice::<Envelope>(&raw).unwrap();
            }
        }
    };
    assert_eq!(unreadable.event_id.as_u128(), u128::from(KILLER));
    assert!(lives > 2 * DELIVERY_LIMIT, "it was tried again and again: {lives} lives");
    assert_eq!(well, (0..EVENTS).filter(|number| *number != KILLER).collect());
}

/// Consumers begin with one message at a time; a taker that answers it at once gets the next one while they are replaced.
#[tokio::test(flavor = "multi_thread")]
async fn replacing_the_first_consumer_leaves_no_message_behind() {
    let (url, options) = (shared().await, options());
    let publisher = connect(&url, &options).await;
    for beginning in 0..5 {
        for number in 0..4 {
            publisher.publish(&[envelope(number, Lane::Live)]).await.unwrap();
        }
        let queue = connect(&url, &options).await;
        for _ in 0..4 {
            let batch = queue.take(1, TIMEOUT / 3).await.unwrap();
            assert_eq!(batch.items.len(), 1, "beginning {beginning}");
            queue.acknowledge(&batch).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_do_not_count_as_crashes() {
    let queue = connect(&shared().await, &options()).await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    for _ in 0..3 * DELIVERY_LIMIT {
        let batch = queue.take(10, TIMEOUT).await.unwrap();
        assert_eq!(numbers(&batch), [1]);
        queue.release(&batch).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_taking_leaves_its_events_to_others() {
    let (url, options) = (shared().await, options());
    let idle = connect(&url, &Options { idle_after: Duration::from_millis(100), ..options.clone() }).await;
    assert!(idle.take(1, Duration::ZERO).await.unwrap().is_empty());
    idle.publish(&in_one_message(0..2, Lane::Bulk)).await.unwrap();
    let other = connect(&url, &options).await;
    let batch = other.take(1, TIMEOUT).await.unwrap();
    assert_eq!(numbers(&batch), [0, 1]);
    assert!(idle.health().consuming, "nothing is wrong with resting");
    other.acknowledge(&batch).await.unwrap();
    idle.publish(&[envelope(2, Lane::Live)]).await.unwrap();
    drop(other);
    assert_eq!(numbers(&idle.take(1, TIMEOUT).await.unwrap()), [2], "it wakes up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_held_too_long_is_delivered_to_others() {
    let (url, options) = (shared().await, options());
    let slow = connect(&url, &Options { held_at_most: Duration::from_millis(10), ..options.clone() }).await;
    slow.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    let batch = slow.take(1, TIMEOUT).await.unwrap();
    let other = connect(&url, &options).await;
    let again = tokio::select! {
        again = slow.take(1, TIMEOUT) => again,
        again = other.take(1, TIMEOUT) => again,
    };
    assert!(again.unwrap().redelivered);
    assert!(slow.acknowledge(&batch).await.is_err());
}
