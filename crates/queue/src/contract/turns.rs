//! The sharing of a queue between connections.

use std::time::Duration;

use serde_json::value::RawValue;

use super::{Rig, TIMEOUT, drain, envelope, envelopes, numbers};
use crate::{Batch, Envelope, Lane, Queue, TAKE_BYTES};

/// The size of an event of a heavy backlog, in bytes.
const HEAVY: usize = 100_000;
/// The number of them in the backlog: they fill three takes.
const BACKLOG: u32 = 30;

/// A heavy event of connection 1; `number` is below [`BACKLOG`].
fn heavy(number: u32) -> Envelope {
    let payload = RawValue::from_string(format!("\"{}\"", "x".repeat(HEAVY))).expect("a JSON text");
    Envelope { connection: 1, payload, ..envelope(number, Lane::Live) }
}

fn of(connection: i64, number: u32) -> Envelope {
    Envelope { connection, ..envelope(number, Lane::Live) }
}

/// Takes until the event `wanted` is found; returns the number of takes, and their batches.
async fn take_until(queue: &dyn Queue, wanted: u32) -> (usize, Vec<Batch>) {
    let mut taken = Vec::new();
    while !taken.iter().any(|batch| numbers(batch).contains(&wanted)) {
        taken.push(queue.take(1000, TIMEOUT).await.expect("the engine takes"));
    }
    (taken.len(), taken)
}

/// However many events of another connection were published before; and no take is longer than the limit.
pub async fn no_connection_waits_for_the_backlog_of_another(rig: &dyn Rig) {
    let queue = rig.open().await;
    for number in 0..BACKLOG {
        queue.publish(&[heavy(number)]).await.expect("the engine publishes");
    }
    queue.publish(&[of(2, 1000)]).await.expect("the engine publishes");
    // An engine may begin with a take or two of the messages that have reached it first.
    let first = queue.take(1, TIMEOUT).await.expect("the engine takes");
    tokio::time::sleep(rig.empty_wait()).await;
    let (takes, taken) = take_until(&*queue, 1000).await;
    assert!(takes <= 2, "{takes} takes");
    for batch in taken.iter().chain([&first]) {
        assert!(batch.items.len() <= TAKE_BYTES / HEAVY + 1, "{} items", batch.items.len());
    }
    for batch in taken.into_iter().chain([first]) {
        queue.acknowledge(&batch).await.expect("it is held");
    }
    let left = drain(&*queue, rig.empty_wait()).await;
    assert!(left.len() < 30 && !left.contains_key(&1000));
}

/// They are handed out when no take skips them any more.
pub async fn a_take_skips_connections_in_hand(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&[of(1, 1), of(2, 2)]).await.expect("the engine publishes");
    let mut found = Vec::new();
    while found.is_empty() {
        let batch = queue.take_except(10, rig.empty_wait(), &[1]).await.expect("the engine takes");
        found.extend(numbers(&batch));
        queue.acknowledge(&batch).await.expect("it is held");
    }
    assert_eq!(found, [2]);
    let none = queue.take_except(10, Duration::ZERO, &[1]).await.expect("the engine takes");
    assert!(none.is_empty());
    assert_eq!(drain(&*queue, rig.empty_wait()).await.into_keys().collect::<Vec<_>>(), [1]);
}

/// A connection whose events cannot be recorded does not delay those of others, and several batches are answered at once.
pub async fn parts_of_a_batch_are_answered_independently(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&envelopes(0..30, Lane::Live)).await.expect("the engine publishes");
    let mut taken = Vec::new();
    while taken.iter().map(|batch: &Batch| batch.items.len()).sum::<usize>() < 30 {
        taken.push(queue.take(100, TIMEOUT).await.expect("the engine takes"));
    }
    let mut parts = Batch::joined(taken).by_connection();
    assert_eq!(parts.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    let kept = parts.remove(&2).expect("a part");
    assert!(numbers(&kept).iter().all(|number| number % 3 == 1));
    queue.acknowledge(&Batch::joined(parts.into_values())).await.expect("they are held");
    queue.release(&kept).await.expect("it is held");
    let again = drain(&*queue, rig.empty_wait()).await;
    assert_eq!(again.into_keys().collect::<Vec<_>>(), numbers(&kept));
}
