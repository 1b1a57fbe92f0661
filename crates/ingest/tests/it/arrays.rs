//! Arrays of events, as Segment's Webhooks destinations send them.

use ingest::Limits;
use queue::Lane;

use crate::client::{Client, exchange, head, post};
use crate::harness::{CommitOutcome, Harness, KEY, TestQueue};

const IDENTIFY: &str = r#"{"type":"identify","userId":"u1","traits":{"email":"peter@example.com"}}"#;
const DELETE: &str = r#"{"type":"delete","userId":"u1"}"#;
const TRACK: &str = r#"{"type":"track","userId":"u1","event":"Seen"}"#;

fn array(items: &[&str]) -> String {
    format!("[{}]", items.join(","))
}

#[tokio::test]
async fn every_item_of_a_readable_array_is_queued_unchanged() {
    let queue = TestQueue::new(&[]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let odd = [IDENTIFY, DELETE, TRACK, "1e400", "\"\\ud83d\"", "null", "[ [ ] ]", "{\"type\" : 7}", "{}"];
    let reply = exchange(harness.address, &post(KEY, format!("\r\n {} ", array(&odd)))).await;
    assert_eq!((reply.status, &reply.body["accepted"]), (202, &serde_json::json!(9)));
    let envelopes = queue.envelopes();
    let mut payloads: Vec<_> = envelopes.iter().map(|envelope| envelope.payload.get()).collect();
    payloads.sort_unstable();
    // The one escape that other readers of JSON do not accept is replaced, as in a single event.
    let mut expected: Vec<_> = odd.iter().map(|item| item.replace("\\ud83d", "\\ufffd")).collect();
    expected.sort_unstable();
    assert_eq!(payloads, expected);
    let mut ids: Vec<_> = envelopes.iter().map(|envelope| envelope.event_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 9);
    let live = envelopes.iter().filter(|envelope| envelope.lane == Lane::Live).count();
    assert_eq!(live, 2, "what is not for us holds up nobody");
    assert_eq!(harness.endpoint.figures().accepted, 9);
}

#[tokio::test]
async fn an_empty_array_is_202_with_nothing() {
    let queue = TestQueue::new(&[]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    assert_eq!(exchange(harness.address, &post(KEY, " [ ] ")).await.status, 202);
    assert_eq!((queue.tries(), harness.endpoint.figures().accepted), (0, 0));
}

#[tokio::test]
async fn the_methods_of_webhooks_are_accepted() {
    let harness = Harness::new(TestQueue::new(&[]), Limits::default()).await;
    for method in ["PUT", "PATCH"] {
        for body in [IDENTIFY.to_owned(), array(&[IDENTIFY, TRACK])] {
            let request = String::from_utf8(post(KEY, body)).unwrap().replacen("POST", method, 1);
            assert_eq!(exchange(harness.address, request.as_bytes()).await.status, 202, "{method}");
        }
    }
}

#[tokio::test]
async fn an_array_may_be_larger_than_an_event_and_has_limits_of_its_own() {
    let queue = TestQueue::new(&[]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let batch = array(&vec![IDENTIFY; 4_000]);
    let padded = format!("{}{batch}", " ".repeat(600 * 1024 - batch.len()));
    let reply = exchange(harness.address, &post(KEY, &padded)).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(queue.envelopes().len(), 4_000);
    let reply = exchange(harness.address, &post(KEY, array(&vec!["1"; 5_001]))).await;
    assert!(reply.status == 413 && reply.message().contains("5000"), "{reply:?}");
    let mut client = Client::connect(harness.address).await;
    client.send(format!("{}[", head(KEY, 9 * 1024 * 1024)).as_bytes()).await;
    assert_eq!(client.reply().await.unwrap().status, 413);
    assert_eq!(harness.endpoint.figures().body_bytes, 0, "memory is given back");
}

#[tokio::test]
async fn an_oversized_item_does_not_affect_the_other_items() {
    let queue = TestQueue::new(&[]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let huge = format!("{{\"type\":\"identify\",\"userId\":\"{}\"}}", "x".repeat(4 * 1024 * 1024));
    assert_eq!(exchange(harness.address, &post(KEY, array(&[IDENTIFY, &huge]))).await.status, 202);
    let envelopes = queue.envelopes();
    assert_eq!(envelopes[0].payload.get(), IDENTIFY);
    let kept: serde_json::Value = serde_json::from_str(envelopes[1].payload.get()).unwrap();
    let beginning = kept["beginning"].as_str().unwrap();
    assert!(huge.starts_with(beginning) && beginning.len() == 64 * 1024);
}

#[tokio::test]
async fn bodies_of_arrays_count_twice_as_memory() {
    let limits =
        Limits { body_memory_bytes: 4 * 1024 * 1024, max_array_bytes: 512 * 1024, ..Limits::default() };
    let harness = Harness::new(TestQueue::new(&[]), Limits { max_body_bytes: 1000, ..limits }).await;
    let mut waiting = Client::connect(harness.address).await;
    waiting.send(format!("{}[{}", head(KEY, 500_000), " ".repeat(300_000)).as_bytes()).await;
    while harness.endpoint.figures().body_bytes < 300_000 {
        tokio::task::yield_now().await;
    }
    let reply = exchange(harness.address, &post(KEY, format!("[{}]", " ".repeat(400_000)))).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    drop(waiting);
    while harness.endpoint.figures().body_bytes > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(exchange(harness.address, &post(KEY, format!("[{}]", " ".repeat(400_000)))).await.status, 202);
}

#[tokio::test]
async fn a_full_queue_takes_only_the_deletes_of_an_array_and_the_array_is_retried() {
    let queue = TestQueue::new(&[CommitOutcome::Full]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let mut client = Client::connect(harness.address).await;
    let reply = client.exchange(&post(KEY, array(&[IDENTIFY, DELETE, TRACK]))).await;
    assert_eq!((reply.status, reply.headers.contains_key("retry-after")), (503, true));
    let published: Vec<_> = queue.envelopes().iter().map(|it| it.payload.get().to_owned()).collect();
    assert_eq!(published, [DELETE]);
    assert_eq!(harness.endpoint.figures().accepted, 0);
}

#[tokio::test]
async fn an_array_is_202_only_when_both_lanes_are_durable() {
    for outcomes in [
        [CommitOutcome::Unavailable, CommitOutcome::Gated],
        [CommitOutcome::Gated, CommitOutcome::Unavailable],
    ] {
        let queue = TestQueue::new(&outcomes);
        let harness = Harness::new(queue.clone(), Limits::default()).await;
        queue.gate.add_permits(1);
        let reply = exchange(harness.address, &post(KEY, array(&[IDENTIFY, TRACK]))).await;
        assert_eq!(reply.status, 503);
    }
}

#[tokio::test]
async fn no_queued_item_of_an_array_contains_the_key() {
    let queue = TestQueue::new(&[]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let leaky = format!(r#"{{"type":"track","properties":{{"note":"{KEY}"}}}}"#);
    assert_eq!(
        exchange(harness.address, &post(KEY, array(&[&leaky, &format!("\"{KEY}\"")]))).await.status,
        202
    );
    for envelope in queue.envelopes() {
        assert!(!envelope.payload.get().contains("sec_456789abcdef"));
    }
}
