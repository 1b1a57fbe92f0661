//! 202 means durable: through crashes of the queue, and when the ingest endpoint closes.

use std::sync::Arc;
use std::time::Duration;

use ingest::Limits;
use jiff::Timestamp;
use queue::Observe as _;
use queue::sqlite::{Settings, SqliteQueue};
use tokio::net::TcpStream;

use crate::client::{Client, exchange, post};
use crate::harness::{CommitOutcome, Harness, KEY, TestQueue};

const IDENTIFY: &str = r#"{"type":"identify","userId":"u1"}"#;

/// Long enough to notice an answer that comes too early.
const SHORT_WAIT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn nothing_is_answered_before_the_queue_has_confirmed() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let mut client = Client::connect(harness.address).await;
    client.send(&post(KEY, IDENTIFY)).await;
    queue.begun().await;
    assert!(!client.receives_within(SHORT_WAIT).await);
    queue.gate.add_permits(1);
    assert_eq!(client.reply().await.unwrap().status, 202);
}

#[tokio::test]
async fn simultaneous_requests_share_a_commit_and_each_gets_its_own_id() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(harness.address).await;
        client.send(&post(KEY, IDENTIFY)).await;
        clients.push(client);
    }
    queue.begun().await;
    queue.gate.add_permits(1);
    let mut ids = std::collections::BTreeSet::new();
    for mut client in clients {
        ids.insert(client.reply().await.unwrap().body["event_id"].to_string());
    }
    assert_eq!((ids.len(), queue.envelopes().len()), (20, 20));
    assert!(queue.tries() < 20, "{} commits", queue.tries());
}

#[tokio::test]
async fn every_accepted_event_is_in_the_file_that_another_process_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let open = || SqliteQueue::open(&path, Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH));
    let harness = Harness::new(Arc::new(open().await.unwrap()), Limits::default()).await;
    let mut accepted = std::collections::BTreeSet::new();
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let address = harness.address;
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut ids = Vec::new();
                for _ in 0..10 {
                    let reply = client.exchange(&post(KEY, IDENTIFY)).await;
                    assert_eq!(reply.status, 202);
                    ids.push(reply.body["event_id"].as_str().unwrap().to_owned());
                }
                ids
            })
        })
        .collect();
    for sender in senders {
        accepted.extend(sender.await.unwrap());
    }
    let look = open().await.unwrap().look(1000).await.unwrap();
    let stored: std::collections::BTreeSet<_> =
        look.envelopes.iter().map(|envelope| envelope.event_id.to_string()).collect();
    assert_eq!((accepted.len(), stored), (80, accepted));
}

#[tokio::test]
async fn a_stopping_endpoint_answers_requests_under_way_and_accepts_no_new_ones() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let mut idle = Client::connect(harness.address).await;
    assert_eq!(idle.exchange(b"GET / HTTP/1.1\r\nHost: door\r\n\r\n").await.status, 200);
    let mut busy = Client::connect(harness.address).await;
    busy.send(&post(KEY, IDENTIFY)).await;
    queue.begun().await;
    harness.shutdown.cancel();
    assert!(idle.reply().await.is_none(), "an idle connection ends at once");
    assert!(!harness.served.is_finished());
    queue.gate.add_permits(1);
    assert_eq!(busy.reply().await.unwrap().status, 202);
    harness.served.await.unwrap().unwrap();
    assert!(TcpStream::connect(harness.address).await.is_err());
}

#[tokio::test]
async fn a_stopping_endpoint_does_not_wait_indefinitely_for_a_slow_client() {
    let limits =
        Limits { deadline: SHORT_WAIT, header_timeout: Duration::from_secs(3600), ..Limits::default() };
    let harness = Harness::new(TestQueue::new(&[]), limits).await;
    let mut slow = Client::connect(harness.address).await;
    assert_eq!(slow.exchange(b"GET / HTTP/1.1\r\nHost: door\r\n\r\n").await.status, 200);
    slow.send(b"POST /segment HTTP/1.1\r\nHost:").await;
    harness.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(20), harness.served).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_disconnected_client_does_not_affect_other_requests() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let mut gone = Client::connect(harness.address).await;
    gone.send(&post(KEY, IDENTIFY)).await;
    queue.begun().await;
    drop(gone);
    queue.gate.add_permits(1);
    assert_eq!(exchange(harness.address, &post(KEY, IDENTIFY)).await.status, 202);
}
