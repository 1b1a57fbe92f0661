//! What a process counts that holds nothing itself: what others have in their hands is in the queue still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use queue::contract::envelopes;
use queue::{Consume as _, Depth, Lane, Observe as _, Publish as _};
use tokio::task::JoinSet;

use crate::brokers::{Observer, PATIENCE, connect, in_one_message, options, shared, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_holds_is_counted_until_it_is_acknowledged() {
    let (url, options) = (shared().await, options());
    let (worker, onlooker) = (connect(&url, &options).await, connect(&url, &options).await);
    assert_eq!(onlooker.depth().await.unwrap(), Depth::default(), "nobody consumes yet");
    worker.publish(&in_one_message(0..5, Lane::Live)).await.unwrap();
    worker.publish(&in_one_message(5..12, Lane::Bulk)).await.unwrap();
    assert_eq!(onlooker.depth().await.unwrap(), Depth { live: 1, bulk: 1 }, "two messages wait");

    let live = worker.take(5, PATIENCE).await.unwrap();
    let bulk = worker.take(7, PATIENCE).await.unwrap();
    assert_eq!((live.items.len(), bulk.items.len()), (5, 7));
    let observer = Observer::at(&url).await;
    assert_eq!(observer.waiting(&format!("{}.live", options.prefix)).await, 0, "the broker tells of none");
    assert_eq!(onlooker.depth().await.unwrap(), Depth { live: 5, bulk: 7 });
    assert_eq!(worker.depth().await.unwrap(), Depth { live: 5, bulk: 7 }, "who holds it sees the same");

    worker.acknowledge(&bulk).await.unwrap();
    assert_eq!(onlooker.depth().await.unwrap(), Depth { live: 5, bulk: 0 });
    worker.acknowledge(&live).await.unwrap();
    assert_eq!(onlooker.depth().await.unwrap(), Depth::default());
}

/// While events run through it: whoever counts none may be sure that what was published before is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_never_seems_empty_before_its_events_are_done() {
    const LOOKS: u32 = 10;
    let (url, options) = (shared().await, options());
    let onlooker = connect(&url, &options).await;
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
                    // Done a moment before the queue knows it, never after.
                    done.fetch_add(events, Ordering::SeqCst);
                    worker.acknowledge(&batch).await.unwrap();
                }
            }
        });
    }
    let (door, count, seen) = (connect(&url, &options).await, Arc::clone(&published), Arc::clone(&looks));
    others.spawn(async move {
        for number in 0.. {
            if seen.load(Ordering::SeqCst) >= LOOKS {
                break;
            }
            door.publish(&envelopes(number..number + 1, Lane::Live)).await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    loop {
        let before = published.load(Ordering::SeqCst);
        let depth = onlooker.depth().await.unwrap();
        let done = done.load(Ordering::SeqCst);
        assert!(depth.live > 0 || done >= before, "{depth:?}: {before} published, {done} done");
        if looks.fetch_add(1, Ordering::SeqCst) >= LOOKS && depth == Depth::default() {
            break;
        }
    }
    ended.store(true, Ordering::SeqCst);
    while let Some(other) = others.join_next().await {
        other.unwrap();
    }
    assert_eq!(done.load(Ordering::SeqCst), published.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_oldest_event_that_anybody_holds_is_known_to_all() {
    let (url, options) = (shared().await, options());
    let (worker, onlooker) = (connect(&url, &options).await, connect(&url, &options).await);
    let before = jiff::Timestamp::now();
    worker.publish(&in_one_message(0..5, Lane::Live)).await.unwrap();
    assert_eq!(onlooker.oldest().await.unwrap(), None, "nobody holds it, and a broker does not tell");
    let held = worker.take(5, PATIENCE).await.unwrap();
    let oldest = onlooker.oldest().await.unwrap().expect("it is held");
    let late = oldest.duration_since(before).as_secs_f64();
    assert!((-1.0..5.0).contains(&late), "{late} s after it was published");
    worker.acknowledge(&held).await.unwrap();
    assert_eq!(onlooker.oldest().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_that_wait_are_estimated_by_the_messages_that_were_seen() {
    let (url, options) = (shared().await, options());
    let (door, onlooker) = (connect(&url, &options).await, connect(&url, &options).await);
    let limit = door.stored_bytes().await.unwrap().map(|(bytes, limit)| {
        assert_eq!(bytes, 0, "nothing waits");
        limit
    });
    door.publish(&in_one_message(0..5, Lane::Live)).await.unwrap();
    // A broker counts a message a moment after it has confirmed it.
    let counted = async || {
        let (bytes, of) = door.stored_bytes().await.unwrap().expect("it has published");
        assert_eq!(Some(of), limit);
        (100..100_000).contains(&bytes)
    };
    until("the bytes of five events are counted", counted).await;
    assert_eq!(onlooker.stored_bytes().await.unwrap(), None, "it has seen no message");
}
