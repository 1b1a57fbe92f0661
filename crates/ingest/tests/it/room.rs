//! The answers of the ingest endpoint while there is no room for new events.

use std::sync::Arc;

use ingest::{Admission, Limits, NoRoom};
use parking_lot::Mutex;

use crate::client::{exchange, post};
use crate::harness::{Harness, KEY, TestQueue};

const IDENTIFY: &str = r#"{"type":"identify","userId":"u1"}"#;
const DELETE: &str = r#"{"type":"delete","userId":"u1"}"#;

/// Refuses connection 7, to which the key belongs, or everybody.
#[derive(Default)]
struct Room(Mutex<Option<NoRoom>>, Mutex<Vec<usize>>);

impl Admission for Room {
    fn refusal(&self, connection: i64) -> Option<NoRoom> {
        self.0.lock().filter(|why| *why == NoRoom::ForAll || connection == 7)
    }

    fn accepted(&self, bytes: usize) {
        self.1.lock().push(bytes);
    }
}

async fn harness() -> (Harness, Arc<TestQueue>, Arc<Room>) {
    let (queue, room) = (TestQueue::new(&[]), Arc::new(Room::default()));
    let harness = Harness::with_admission(queue.clone(), Limits::default(), room.clone()).await;
    (harness, queue, room)
}

#[tokio::test]
async fn new_events_are_503_while_there_is_no_space() {
    let (harness, queue, room) = harness().await;
    *room.0.lock() = Some(NoRoom::ForAll);
    for event in [IDENTIFY, DELETE] {
        let reply = exchange(harness.address, &post(KEY, event)).await;
        assert_eq!(reply.status, 503);
        assert!(reply.message().contains("full") && reply.headers.contains_key("retry-after"));
    }
    assert_eq!(exchange(harness.address, &post("pub_9.sec_wrong", IDENTIFY)).await.status, 401);
    assert!(queue.envelopes().is_empty(), "nothing was queued");
    assert!(room.1.lock().is_empty(), "and nothing takes up room");
    *room.0.lock() = None;
    assert_eq!(exchange(harness.address, &post(KEY, IDENTIFY)).await.status, 202);
    let taken = room.1.lock().clone();
    assert!(taken.len() == 1 && taken[0] >= IDENTIFY.len(), "{taken:?}");
}

#[tokio::test]
async fn a_connection_without_space_may_still_send_deletes() {
    let (harness, queue, room) = harness().await;
    *room.0.lock() = Some(NoRoom::ForConnection);
    let reply = exchange(harness.address, &post(KEY, IDENTIFY)).await;
    assert_eq!(reply.status, 503);
    assert!(reply.message().contains("dead letters"), "{}", reply.message());
    assert_eq!(exchange(harness.address, &post(KEY, DELETE)).await.status, 202);
    assert_eq!(queue.envelopes().len(), 1);
}
