//! The requirements of HTTP/1.1, and requests that are answered before anything is read.

use std::time::Duration;

use ingest::{Limits, serve_closed};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, exchange, head, post};
use crate::harness::{Harness, KEY, TestQueue};

const IDENTIFY: &str = r#"{"type":"identify","userId":"u1"}"#;

async fn harness() -> Harness {
    Harness::new(TestQueue::new(&[]), Limits::default()).await
}

fn expecting(key: &str, length: usize) -> Vec<u8> {
    head(key, length).replace("Accept: */*", "Expect: 100-continue").into_bytes()
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_400() {
    let harness = harness().await;
    let good = String::from_utf8(post(KEY, IDENTIFY)).unwrap();
    for hosts in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n"] {
        let reply = exchange(harness.address, good.replace("Host: door\r\n", hosts).as_bytes()).await;
        assert_eq!(reply.status, 400, "{hosts:?}");
        assert!(reply.message().contains("Host"), "{}", reply.message());
    }
    let old = good.replace("HTTP/1.1", "HTTP/1.0").replace("Host: door\r\n", "");
    assert_eq!(exchange(harness.address, old.as_bytes()).await.status, 202);
}

#[tokio::test]
async fn a_wrong_key_is_refused_before_the_body_is_requested() {
    let harness = harness().await;
    let mut wrong = Client::connect(harness.address).await;
    wrong.send(&expecting("wrong.key", 100_000)).await;
    // The first bytes are the answer: `reply` would mistake `100 Continue` for an answer.
    let reply = wrong.reply().await.unwrap();
    assert_eq!((reply.status, reply.headers["connection"].as_str()), (401, "close"));
    let mut large = Client::connect(harness.address).await;
    large.send(&expecting(KEY, 100_000_000)).await;
    assert_eq!(large.reply().await.unwrap().status, 413);
    let mut right = Client::connect(harness.address).await;
    right.send(&expecting(KEY, IDENTIFY.len())).await;
    assert_eq!(right.reply().await.unwrap().status, 100);
    right.send(IDENTIFY.as_bytes()).await;
    assert_eq!(right.reply().await.unwrap().status, 202);
}

#[tokio::test]
async fn no_key_counts_as_wrong_while_there_is_no_connection() {
    let harness = Harness::empty().await;
    let bare = b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    for request in [post(KEY, IDENTIFY), post("pub.sec", IDENTIFY), post("no dot", IDENTIFY), bare] {
        let reply = exchange(harness.address, &request).await;
        assert_eq!((reply.status, reply.headers.contains_key("retry-after")), (503, true), "{reply:?}");
    }
}

#[tokio::test]
async fn a_closed_endpoint_answers_503_to_every_event() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let served = tokio::spawn({
        let stop = stop.clone();
        async move { serve_closed(listener, &Limits::default(), stop).await }
    });
    for request in [post(KEY, IDENTIFY), post("wrong.key", IDENTIFY)] {
        let reply = exchange(address, &request).await;
        assert_eq!((reply.status, reply.headers.contains_key("retry-after")), (503, true));
    }
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), served).await.unwrap().unwrap().unwrap();
}
