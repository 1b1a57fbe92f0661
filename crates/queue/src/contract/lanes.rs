//! Which events come first.

use super::{PATIENCE, Rig, drain, envelope, envelopes, numbers};
use crate::Lane;

/// However late it was published.
pub async fn live_comes_before_bulk(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&envelopes(0..300, Lane::Bulk)).await.expect("the engine publishes");
    queue.publish(&[envelope(1000, Lane::Live)]).await.expect("the engine publishes");
    let batch = queue.take(10, PATIENCE).await.expect("the engine takes");
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
        let batch = queue.take(1, PATIENCE).await.expect("the engine takes");
        queue.acknowledge(&batch).await.expect("the engine acknowledges what is held");
        if numbers(&batch).contains(&1000) {
            return;
        }
    }
    panic!("ten takes, and none with bulk");
}

/// A take is not much larger than asked for, and never empty while something waits.
pub async fn a_large_backlog_comes_in_whole_messages(rig: &dyn Rig) {
    let queue = rig.open().await;
    queue.publish(&envelopes(0..2000, Lane::Bulk)).await.expect("the engine publishes");
    let batch = queue.take(300, PATIENCE).await.expect("the engine takes");
    assert!((1..300 + crate::pack::MESSAGE_ENVELOPES).contains(&batch.items.len()), "{}", batch.items.len());
    queue.release(&batch).await.expect("the engine releases what is held");
    assert_eq!(drain(&*queue, rig.glance()).await.len(), 2000);
}
