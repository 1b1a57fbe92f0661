//! Special features of the SQLite engine.

use std::time::Duration;

use queue::contract::{envelope, envelopes, numbers};
use queue::sqlite::{LOST_LIMIT, Settings};
use queue::{Batch, Consume as _, Item, Lane, Observe as _, Publish as _, Queue, QueueError};

use crate::rigs::SqliteRig;

async fn take(queue: &impl Queue, max: usize) -> Batch {
    queue.take(max, Duration::ZERO).await.unwrap()
}

#[tokio::test]
async fn a_slow_taker_loses_its_batch_to_another() {
    let rig = SqliteRig::file();
    let (slow, other) = (rig.engine().await, rig.engine().await);
    slow.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    let batch = take(&slow, 10).await;
    rig.clock.advance(Settings::default().held_at_most);
    let again = take(&other, 10).await;
    assert!(again.redelivered);
    assert!(matches!(slow.acknowledge(&batch).await, Err(QueueError::NotHeld { messages: 1 })));
    other.acknowledge(&again).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_set_back_hides_no_events() {
    let rig = SqliteRig::file();
    let queue = rig.engine().await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    drop(take(&queue, 10).await);
    rig.clock.set_back(Duration::from_secs(86_400));
    assert_eq!(numbers(&take(&queue, 10).await), [1]);
}

#[tokio::test]
async fn a_restarted_worker_gets_the_events_it_held_at_once() {
    let rig = SqliteRig::file();
    let killed = rig.engine().await;
    killed.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    drop(take(&killed, 10).await);
    drop(killed);
    let restarted = rig.engine().await;
    assert_eq!(restarted.reclaim().await.unwrap(), 1);
    assert_eq!(numbers(&take(&restarted, 10).await), [1]);
}

#[tokio::test]
async fn only_an_envelope_that_crashes_every_taker_becomes_unreadable() {
    let rig = SqliteRig::inline();
    let queue = rig.engine().await;
    queue.publish(&envelopes(0..40, Lane::Live)).await.unwrap();
    queue.publish(&envelopes(40..45, Lane::Bulk)).await.unwrap();
    let (mut done, mut condemned) = (Vec::new(), 0);
    for _ in 0..1000 {
        let batch = take(&queue, 100).await;
        match batch.items.as_slice() {
            [] => break,
            [Item::Unreadable { raw, .. }] => {
                let unreadable: queue::Envelope = serde_json::from_slice(raw).unwrap();
                assert_eq!(unreadable.event_id.as_u128(), 13);
                condemned += 1;
                queue.acknowledge(&batch).await.unwrap();
            }
            _ if numbers(&batch).contains(&13) => rig.clock.advance(Settings::default().held_at_most),
            _ => {
                done.extend(numbers(&batch));
                queue.acknowledge(&batch).await.unwrap();
            }
        }
    }
    done.sort_unstable();
    assert_eq!(done, (0..45).filter(|number| *number != 13).collect::<Vec<_>>());
    assert_eq!((condemned, queue.depth().await.unwrap().live), (1, 0));
}

#[tokio::test]
async fn releases_do_not_count_as_crashes() {
    let rig = SqliteRig::inline();
    let queue = rig.engine().await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    for _ in 0..=LOST_LIMIT {
        let batch = take(&queue, 10).await;
        assert_eq!(numbers(&batch), [1]);
        queue.release(&batch).await.unwrap();
    }
}

#[tokio::test]
async fn an_absorbed_event_leaves_no_byte_in_the_files() {
    let rig = SqliteRig::file();
    let queue = rig.engine().await;
    let mut private = envelope(1, Lane::Live);
    private.payload = serde_json::value::RawValue::from_string("\"ann@example.org\"".to_owned()).unwrap();
    queue.publish(&[private]).await.unwrap();
    let batch = take(&queue, 10).await;
    queue.acknowledge(&batch).await.unwrap();
    assert!(take(&queue, 10).await.is_empty());
    for entry in std::fs::read_dir(rig.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(15).any(|window| window == b"ann@example.org"));
    }
}
