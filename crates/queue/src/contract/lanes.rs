//! The order of lanes.

use super::{Rig, TIMEOUT, drain, envelope, envelopes, numbers};
use crate::Lane;

/// However late the live event was published.
pub async fn live_events_are_taken_before_bulk_events(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&envelopes(0..300, Lane::Bulk)).await.expect("the engine publishes");
    queue.publish(&[envelope(1000, Lane::Live)]).await.expect("the engine publishes");
    let batch = queue.take(10, TIMEOUT).await.expect("the engine takes");
    assert_eq!(numbers(&batch).first(), Some(&1000));
}

/// With more live events at every take, bulk comes within ten of them.
pub async fn bulk_is_not_starved_by_live(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&[envelope(1000, Lane::Bulk)]).await.expect("the engine publishes");
    for take in 0..10 {
        for number in [2 * take, 2 * take + 1] {
            queue.publish(&[envelope(number, Lane::Live)]).await.expect("the engine publishes");
        }
        let batch = queue.take(1, TIMEOUT).await.expect("the engine takes");
        queue.acknowledge(&batch).await.expect("the engine acknowledges what is held");
        if numbers(&batch).contains(&1000) {
            return;
        }
    }
    panic!("ten takes, and none with bulk");
}

/// A take is not much larger than requested, and never empty while something waits.
pub async fn a_large_backlog_is_taken_in_whole_messages(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&envelopes(0..2000, Lane::Bulk)).await.expect("the engine publishes");
    let batch = queue.take(300, TIMEOUT).await.expect("the engine takes");
    assert!((1..300 + crate::pack::MESSAGE_ENVELOPES).contains(&batch.items.len()), "{}", batch.items.len());
    queue.release(&batch).await.expect("the engine releases what is held");
    assert_eq!(drain(&*queue, rig.empty_wait()).await.len(), 2000);
}
