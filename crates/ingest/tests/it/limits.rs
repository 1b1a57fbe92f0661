//! The endpoint's treatment of senders that are slow or large.

use std::time::{Duration, Instant};

use ingest::Limits;

use crate::client::{Client, exchange, head, post};
use crate::harness::{CommitOutcome, Harness, KEY, TestQueue};

const IDENTIFY: &str = r#"{"type":"identify","userId":"u1"}"#;

/// Longer than a limit of the tests, much shorter than the default of any.
const SHORT: Duration = Duration::from_millis(200);

async fn harness(limits: Limits) -> Harness {
    Harness::new(TestQueue::new(&[]), limits).await
}

#[tokio::test]
async fn a_body_above_the_limit_is_413_whether_it_is_announced_or_not() {
    let harness = harness(Limits { max_body_bytes: 1000, ..Limits::default() }).await;
    let large = format!(r#"{{"type":"identify","userId":"{}"}}"#, "x".repeat(5000));
    let reply = exchange(harness.address, &post(KEY, &large)).await;
    assert_eq!(reply.status, 413);
    assert!(reply.message().contains("1000"));
    let chunked = head(KEY, 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let chunked = format!("{chunked}{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    assert_eq!(exchange(harness.address, chunked.as_bytes()).await.status, 413);
    let mut client = Client::connect(harness.address).await;
    let fits = format!("{IDENTIFY}{}", " ".repeat(1000 - IDENTIFY.len()));
    assert_eq!(client.exchange(&post(KEY, fits)).await.status, 202);
}

#[tokio::test]
async fn a_client_that_sends_a_large_body_to_its_end_reads_its_413() {
    let harness = harness(Limits::default()).await;
    for length in [1024 * 1024, 32 * 1024 * 1024] {
        let mut client = Client::connect(harness.address).await;
        client.send(head(KEY, length).as_bytes()).await;
        client.send(&vec![b' '; length]).await;
        let reply = client.reply().await.expect("no reset overtakes the answer");
        assert_eq!((reply.status, reply.headers["connection"].as_str()), (413, "close"));
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let harness = harness(Limits::default()).await;
    let mut client = Client::connect(harness.address).await;
    client.send(head(KEY, usize::MAX / 2).as_bytes()).await;
    client.send(&vec![b' '; 3 * 1024 * 1024]).await;
    let reply = client.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.headers["connection"].as_str()), (413, "close"));
    assert!(client.reply().await.is_none());
}

#[tokio::test]
async fn slow_headers_end_the_connection() {
    let harness = harness(Limits { header_timeout: SHORT, ..Limits::default() }).await;
    for beginning in ["", "POST /segment HTTP/1.1\r\nHost: "] {
        let mut client = Client::connect(harness.address).await;
        client.send(beginning.as_bytes()).await;
        assert!(client.reply().await.is_none_or(|reply| reply.status == 408));
        assert!(client.reply().await.is_none());
    }
}

#[tokio::test]
async fn a_slow_body_is_503_and_ends_the_connection() {
    let harness = harness(Limits { body_timeout: SHORT, ..Limits::default() }).await;
    let mut client = Client::connect(harness.address).await;
    let reply = client.exchange(format!("{}{{", head(KEY, 100)).as_bytes()).await;
    assert_eq!((reply.status, reply.headers["connection"].as_str()), (503, "close"));
    assert!(reply.headers.contains_key("retry-after"));
    assert!(client.reply().await.is_none());
}

#[tokio::test]
async fn a_queue_that_hangs_is_503_by_the_deadline() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue, Limits { deadline: SHORT, ..Limits::default() }).await;
    let began = Instant::now();
    let reply = exchange(harness.address, &post(KEY, IDENTIFY)).await;
    assert_eq!(reply.status, 503);
    assert!(reply.headers.contains_key("retry-after"));
    assert!(began.elapsed() >= SHORT && began.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_default_limits_answer_within_the_five_seconds_of_segment() {
    let (limits, draining) = (Limits::default(), Duration::from_millis(500));
    assert!(limits.deadline + draining < Duration::from_secs(5));
    assert!(limits.body_timeout < limits.deadline);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_until_another_ends() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue.clone(), Limits { max_connections: 1, ..Limits::default() }).await;
    let mut first = Client::connect(harness.address).await;
    first.send(&post(KEY, IDENTIFY)).await;
    queue.begun().await;
    let mut second = Client::connect(harness.address).await;
    second.send(&post(KEY, IDENTIFY)).await;
    assert!(!second.receives_within(SHORT).await);
    queue.gate.add_permits(1);
    assert_eq!(first.reply().await.unwrap().status, 202);
    drop(first);
    assert_eq!(second.reply().await.unwrap().status, 202);
}

#[tokio::test]
async fn an_endpoint_limited_to_no_connections_does_not_start() {
    let harness = harness(Limits { max_connections: 0, ..Limits::default() }).await;
    assert!(harness.served.await.unwrap().is_err());
}
