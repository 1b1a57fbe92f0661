//! The promises to one publisher and one taker.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::{Rig, TIMEOUT, drain, envelope, envelopes, numbers};
use crate::{Depth, FORMAT, Item, Lane, PublishError, QueueError, pack};

/// Every field, and the payload to the byte.
pub async fn an_envelope_is_taken_as_it_was_published(rig: &dyn Rig) {
    let queue = rig.open().await;
    let sent = envelope(34, Lane::Bulk);
    queue.publish(std::slice::from_ref(&sent)).await.expect("the engine publishes");
    let batch = queue.take(1, TIMEOUT).await.expect("the engine takes");
    let [Item::Readable(found)] = batch.items.as_slice() else { panic!("one envelope expected") };
    assert_eq!(found.payload.get(), sent.payload.get());
    assert_eq!(format!("{found:?}"), format!("{sent:?}"));
    assert!(!batch.redelivered);
}

/// Publish, take, acknowledge: gone, also for a process that starts later.
pub async fn acknowledged_events_are_never_redelivered(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&envelopes(0..500, Lane::Live)).await.expect("the engine publishes");
    let counts = drain(&*queue, rig.empty_wait()).await;
    assert_eq!(counts.len(), 500);
    assert!(counts.values().all(|count| *count == 1));
    rig.crash(queue).await;
    assert!(drain(&*rig.open().await, rig.empty_wait()).await.is_empty());
}

/// An empty batch may be acknowledged, and publishing nothing is no fault.
pub async fn an_empty_queue_gives_an_empty_batch(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&[]).await.expect("nothing is always published");
    for wait in [Duration::ZERO, rig.empty_wait()] {
        let batch = queue.take(10, wait).await.expect("the engine takes");
        assert!(batch.is_empty());
        queue.acknowledge(&batch).await.expect("nothing is always held");
    }
}

/// The other process does not notify the taker.
pub async fn a_waiting_taker_gets_what_another_process_publishes(rig: &dyn Rig) {
    let (publisher, taker) = (rig.open().await, rig.open().await);
    let waiting = tokio::spawn(async move { taker.take(10, TIMEOUT).await });
    tokio::task::yield_now().await;
    publisher.publish(&[envelope(1, Lane::Live)]).await.expect("the engine publishes");
    let batch = waiting.await.expect("the taker does not panic").expect("the engine takes");
    assert_eq!(numbers(&batch), [1]);
}

/// Its messages go to another taker, and are marked as redelivered.
pub async fn events_of_a_crashed_taker_are_redelivered_and_marked(rig: &dyn Rig) {
    let (taker, other) = (rig.open().await, rig.open().await);
    other.publish(&[envelope(1, Lane::Live)]).await.expect("the engine publishes");
    let batch = taker.take(10, TIMEOUT).await.expect("the engine takes");
    assert!(other.take(10, rig.empty_wait()).await.expect("the engine takes").is_empty(), "it is held");
    drop(batch);
    rig.crash(taker).await;
    let batch = other.take(10, TIMEOUT).await.expect("the engine takes");
    assert_eq!(numbers(&batch), [1]);
    assert!(batch.redelivered);
}

/// Without any wait.
pub async fn released_events_are_redelivered_and_marked(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&[envelope(1, Lane::Live)]).await.expect("the engine publishes");
    let batch = queue.take(10, TIMEOUT).await.expect("the engine takes");
    queue.release(&batch).await.expect("the engine releases what is held");
    let again = queue.take(10, TIMEOUT).await.expect("the engine takes");
    assert_eq!(numbers(&again), [1]);
    assert!(again.redelivered);
}

/// The second answer changes nothing, and returns an error.
pub async fn a_batch_is_answered_once(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&[envelope(1, Lane::Live)]).await.expect("the engine publishes");
    let first = queue.take(10, TIMEOUT).await.expect("the engine takes");
    queue.release(&first).await.expect("the engine releases what is held");
    let second = queue.take(10, TIMEOUT).await.expect("the engine takes");
    let refused = queue.acknowledge(&first).await;
    assert!(matches!(refused, Err(QueueError::NotHeld { messages: 1 })), "{refused:?}");
    queue.acknowledge(&second).await.expect("the engine acknowledges what is held");
    assert!(queue.acknowledge(&second).await.is_err());
    assert!(queue.release(&second).await.is_err());
    assert!(queue.take(10, rig.empty_wait()).await.expect("the engine takes").is_empty());
}

/// Both waiting and taken events count.
pub async fn depth_counts_events_until_they_are_acknowledged(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&envelopes(0..300, Lane::Live)).await.expect("the engine publishes");
    queue.publish(&envelopes(300..303, Lane::Bulk)).await.expect("the engine publishes");
    let batch = queue.take(1000, TIMEOUT).await.expect("the engine takes");
    assert_eq!(queue.depth().await.expect("the engine counts"), Depth { live: 300, bulk: 3 });
    queue.acknowledge(&batch).await.expect("the engine acknowledges what is held");
    drain(&*queue, rig.empty_wait()).await;
    assert_eq!(queue.depth().await.expect("the engine counts"), Depth::default());
}

/// Events that were confirmed before are all there.
pub async fn a_full_queue_refuses_events_until_it_has_room(rig: &dyn Rig) {
    /// Far more than fits, so that an engine with a soft limit reaches it.
    const MANY: u32 = 20_000;
    let queue = rig.open_limited(64 * 1024).await;
    let mut confirmed = 0;
    let refused = loop {
        match queue.publish(&envelopes(confirmed..confirmed + 50, Lane::Live)).await {
            Ok(()) if confirmed < MANY => confirmed += 50,
            other => break other,
        }
    };
    assert!(matches!(refused, Err(PublishError::Full)), "{refused:?} after {confirmed} events");
    let found = drain(&*queue, rig.empty_wait()).await;
    assert!((0..confirmed).all(|number| found.contains_key(&number)));
    queue.publish(&[envelope(1, Lane::Live)]).await.expect("there is room again");
}

/// It waits for a program that understands it; other events are handed out.
pub async fn a_newer_format_is_left_in_the_queue(rig: &dyn Rig) {
    let queue = rig.open().await;
    let mut newer = envelope(1, Lane::Live);
    newer.format = FORMAT + 1;
    queue.publish(&[newer]).await.expect("the engine publishes");
    queue.publish(&[envelope(2, Lane::Live)]).await.expect("the engine publishes");
    let found = drain(&*queue, rig.empty_wait()).await;
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [2]);
    assert_eq!(queue.depth().await.expect("the engine counts").live, 1);
    assert!(!queue.look(10).await.expect("the engine looks").complete);
}

/// Together with everything else that was to be published with it.
pub async fn an_envelope_beyond_the_limit_is_refused(rig: &dyn Rig) {
    let queue = rig.open().await;
    let mut huge = envelope(1, Lane::Live);
    let payload = format!("\"{}\"", "x".repeat(pack::ENVELOPE_BYTES));
    huge.payload = RawValue::from_string(payload).expect("a quoted text is JSON");
    let refused = queue.publish(&[envelope(2, Lane::Live), huge]).await;
    assert!(matches!(refused, Err(PublishError::TooLarge { .. })), "{refused:?}");
    assert!(queue.take(10, rig.empty_wait()).await.expect("the engine takes").is_empty());
}

/// It shows the waiting events, or reports that it cannot.
pub async fn looking_at_a_queue_takes_no_events(rig: &dyn Rig) {
    let queue: Arc<_> = rig.open().await;
    queue.publish(&envelopes(0..10, Lane::Live)).await.expect("the engine publishes");
    let few = queue.look(4).await.expect("the engine looks");
    assert!(few.envelopes.len() <= 4 && !few.complete);
    let all = queue.look(100).await.expect("the engine looks");
    assert!(!all.complete || all.envelopes.len() == 10);
    assert_eq!(drain(&*queue, rig.empty_wait()).await.len(), 10);
}
