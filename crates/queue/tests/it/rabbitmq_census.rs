//! The counts of a process that holds nothing itself: events that others hold are still in the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use queue::contract::envelopes;
use queue::{Consume as _, Depth, Lane, Observe as _, Publish as _};
use tokio::task::JoinSet;

use crate::brokers::{Observer, TIMEOUT, connect, in_one_message, options, shared, until};

#[tokio::test(flavor = "multi_thread")]
async fn events_held_by_another_process_are_counted_until_they_are_acknowledged() {
    let (url, options) = (shared().await, options());
    let (worker, other_process) = (connect(&url, &options).await, connect(&url, &options).await);
    assert_eq!(other_process.depth().await.unwrap(), Depth::default(), "nobody consumes yet");
    worker.publish(&in_one_message(0..5, Lane::Live)).await.unwrap();
    worker.publish(&in_one_message(5..12, Lane::Bulk)).await.unwrap();
    assert_eq!(other_process.depth().await.unwrap(), Depth { live: 1, bulk: 1 }, "two messages wait");

    let live = worker.take(5, TIMEOUT).await.unwrap();
    let bulk = worker.take(7, TIMEOUT).await.unwrap();
    assert_eq!((live.items.len(), bulk.items.len()), (5, 7));
    let observer = Observer::at(&url).await;
    assert_eq!(observer.waiting(&format!("{}.live", options.prefix)).await, 0, "the broker tells of none");
    assert_eq!(other_process.depth().await.unwrap(), Depth { live: 5, bulk: 7 });
    assert_eq!(worker.depth().await.unwrap(), Depth { live: 5, bulk: 7 }, "who holds it sees the same");

    worker.acknowledge(&bulk).await.unwrap();
    assert_eq!(other_process.depth().await.unwrap(), Depth { live: 5, bulk: 0 });
    worker.acknowledge(&live).await.unwrap();
    assert_eq!(other_process.depth().await.unwrap(), Depth::default());
}

/// While events run through the queue: if a process counts none, all events that were published before are done.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_unfinished_events_never_seems_empty() {
    const LOOKS: u32 = 10;
    let (url, options) = (shared().await, options());
    let other_process = connect(&url, &options).await;
    let (published, done, looks) = <(Arc<AtomicU32>, Arc<AtomicU32>, Arc<AtomicU32>)>::default();
    let ended = Arc::new(AtomicBool::new(false));
    let mut others = JoinSet::new();
    for _ in 0..2 {
        let (worker, done, ended) = (connect(&url, &options).await, Arc::clone(&done), Arc::clone(&ended));
        others.spawn(async move {
            while !ended.load(Ordering::SeqCst) {
                let batch = worker.take(3, Duration::from_millis(50)).await.unwrap();
                let events = u32::try_from(batch.items.len()).unwrap();
                if events > 0 {
                    // The event is done a moment before the queue knows it, never after.
                    done.fetch_add(events, Ordering::SeqCst);
                    worker.acknowledge(&batch).await.unwrap();
                }
            }
        });
    }
    let (publisher, count, seen) =
        (connect(&url, &options).await, Arc::clone(&published), Arc::clone(&looks));
    let publishing = tokio::spawn(async move {
        for number in 0.. {
            if seen.load(Ordering::SeqCst) >= LOOKS {
                break;
            }
            publisher.publish(&envelopes(number..number + 1, Lane::Live)).await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    loop {
        let is_all_published = publishing.is_finished();
        let before = published.load(Ordering::SeqCst);
        let depth = other_process.depth().await.unwrap();
        let done = done.load(Ordering::SeqCst);
        assert!(depth.live > 0 || done >= before, "{depth:?}: {before} published, {done} done");
        looks.fetch_add(1, Ordering::SeqCst);
        if is_all_published && depth == Depth::default() {
            break;
        }
    }
    publishing.await.unwrap();
    ended.store(true, Ordering::SeqCst);
    while let Some(other) = others.join_next().await {
        other.unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), published.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_knows_the_age_of_the_oldest_held_event() {
    let (url, options) = (shared().await, options());
    let (worker, other_process) = (connect(&url, &options).await, connect(&url, &options).await);
    let before = jiff::Timestamp::now();
    worker.publish(&in_one_message(0..5, Lane::Live)).await.unwrap();
    assert_eq!(other_process.oldest().await.unwrap(), None, "nobody holds it, and a broker does not tell");
    let held = worker.take(5, TIMEOUT).await.unwrap();
    let oldest = other_process.oldest().await.unwrap().expect("it is held");
    let late = oldest.duration_since(before).as_secs_f64();
    assert!((-1.0..5.0).contains(&late), "{late} s after it was published");
    worker.acknowledge(&held).await.unwrap();
    assert_eq!(other_process.oldest().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_bytes_are_estimated_from_published_messages() {
    let (url, options) = (shared().await, options());
    let (publisher, other_process) = (connect(&url, &options).await, connect(&url, &options).await);
    let limit = publisher.stored_bytes().await.unwrap().map(|(bytes, limit)| {
        assert_eq!(bytes, 0, "nothing waits");
        limit
    });
    publisher.publish(&in_one_message(0..5, Lane::Live)).await.unwrap();
    // A broker counts a message a moment after it has confirmed it.
    let counted = async || {
        let (bytes, of) = publisher.stored_bytes().await.unwrap().expect("it has published");
        assert_eq!(Some(of), limit);
        (100..100_000).contains(&bytes)
    };
    until("the bytes of five events are counted", counted).await;
    assert_eq!(other_process.stored_bytes().await.unwrap(), None, "it has seen no message");
}
