//! Every status of the direct destination's contract.

use ingest::Limits;
use queue::Lane;

use crate::client::{Client, Reply, exchange, post};
use crate::harness::{CommitOutcome, Harness, KEY, NOW, TestQueue, UNSURE_KEY};

const IDENTIFY: &str = r#"{"type":"identify","userId":"u1","traits":{"email":"peter@example.com"}}"#;
const MEMBER: &str = r#"{"type":"identify","userId":"u1","traits":{"vip":true},"context":{"personas":{}}}"#;
const DELETE: &str = r#"{"type":"delete","userId":"u1","context":[],"integrations":[]}"#;

async fn ask(request: &[u8]) -> Reply {
    let harness = Harness::new(TestQueue::new(&[]), Limits::default()).await;
    let reply = exchange(harness.address, request).await;
    assert_eq!(reply.headers["content-type"], "application/json");
    reply
}

async fn refused(request: &[u8]) -> (u16, String) {
    let reply = ask(request).await;
    (reply.status, reply.message().to_owned())
}

#[tokio::test]
async fn an_accepted_event_is_queued_unchanged_with_the_id_of_the_answer() {
    let queue = TestQueue::new(&[]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let body = "{ \"type\" : \"identify\",\r\n \"userId\":\"u1\" }";
    let reply = exchange(harness.address, &post(KEY, body)).await;
    assert_eq!(reply.status, 202);
    let [envelope] = queue.envelopes().try_into().unwrap();
    assert_eq!(envelope.payload.get(), body);
    assert_eq!(reply.body["event_id"], envelope.event_id.to_string());
    assert_eq!(envelope.event_id.get_version_num(), 7);
    assert_eq!((envelope.connection, envelope.lane), (7, Lane::Live));
    assert_eq!(envelope.received_at.to_string(), NOW);
    assert_eq!((envelope.replay, envelope.revision, envelope.format), (false, 0, queue::FORMAT));
    assert_eq!(harness.endpoint.figures().accepted, 1);
    assert_eq!(harness.endpoint.figures().groups, 1);
}

#[tokio::test]
async fn an_identify_and_a_delete_are_accepted() {
    for example in [IDENTIFY, DELETE] {
        assert_eq!(ask(&post(KEY, example)).await.status, 202);
    }
}

#[tokio::test]
async fn an_engage_sync_goes_into_the_bulk_lane_and_a_delete_never_does() {
    let queue = TestQueue::new(&[]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let mut client = Client::connect(harness.address).await;
    let personas = r#""context":{"personas":{"computation_key":"vip"}}"#;
    for kind in ["identify", "delete"] {
        let body = format!(r#"{{"type":"{kind}","userId":"u1",{personas}}}"#);
        assert_eq!(client.exchange(&post(KEY, body)).await.status, 202);
    }
    let lanes: Vec<_> = queue.envelopes().iter().map(|envelope| envelope.lane).collect();
    assert_eq!(lanes, [Lane::Bulk, Lane::Live]);
}

#[tokio::test]
async fn a_key_inside_an_event_is_removed_before_the_event_is_queued() {
    let queue = TestQueue::new(&[]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let body = format!(r#"{{"type":"identify","userId":"u1","traits":{{"note":"my key: {KEY}"}}}}"#);
    assert_eq!(exchange(harness.address, &post(KEY, body)).await.status, 202);
    assert!(!queue.envelopes()[0].payload.get().contains("sec_456789abcdef"));
}

#[tokio::test]
async fn an_invalid_event_is_400_and_another_type_501() {
    for body in ["", "no json", "[", "[{]", "7", "null", "{}", "{\"type\":\"identify\"}"] {
        let (status, message) = refused(&post(KEY, body)).await;
        assert_eq!(status, 400, "{body}: {message}");
    }
    assert_eq!(refused(&post(KEY, r#"{"type":"track","userId":"u1"}"#)).await.0, 501);
}

#[tokio::test]
async fn a_compressed_body_is_415_with_a_reason() {
    for (encoding, status) in [("gzip", 415), ("br", 415), ("identity", 202)] {
        let header = format!("Accept: */*\r\nContent-Encoding: {encoding}");
        let request = String::from_utf8(post(KEY, IDENTIFY)).unwrap().replacen("Accept: */*", &header, 1);
        let reply = ask(request.as_bytes()).await;
        assert_eq!(reply.status, status, "{encoding}");
        assert!(status == 202 || reply.message().contains("send plain JSON"), "{reply:?}");
    }
}

#[tokio::test]
async fn a_missing_or_unknown_key_is_401() {
    let body = IDENTIFY.len();
    let bare = format!("POST /segment HTTP/1.1\r\nHost: door\r\nContent-Length: {body}\r\n\r\n{IDENTIFY}");
    let (status, message) = refused(bare.as_bytes()).await;
    assert_eq!(status, 401);
    assert!(message.contains("missing"), "{message}");
    let (status, message) = refused(&post("pub_x.sec_unknown", IDENTIFY)).await;
    assert_eq!(status, 401);
    assert!(message.contains("unknown") && !message.contains("sec_unknown"), "{message}");
}

#[tokio::test]
async fn a_key_that_cannot_be_checked_is_503_and_never_401() {
    let reply = ask(&post(UNSURE_KEY, IDENTIFY)).await;
    assert_eq!(reply.status, 503);
    assert!(reply.headers["retry-after"].parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn invalid_settings_in_the_header_do_not_refuse_an_event() {
    for settings in ["", "e30=", "%%%", "bm8ganNvbg=="] {
        let request = String::from_utf8(post(KEY, IDENTIFY)).unwrap();
        let request = request.replace("X-Segment-Settings: e30=", &format!("X-Segment-Settings: {settings}"));
        assert_eq!(ask(request.as_bytes()).await.status, 202, "{settings:?}");
    }
}

#[tokio::test]
async fn errors_of_other_paths_and_methods_name_the_right_path() {
    for (line, status) in [
        ("GET / HTTP/1.1", 200),
        ("GET /segment HTTP/1.1", 405),
        ("DELETE /segment HTTP/1.1", 405),
        ("GET /else HTTP/1.1", 404),
        ("DELETE / HTTP/1.1", 404),
    ] {
        let reply = ask(format!("{line}\r\nHost: door\r\n\r\n").as_bytes()).await;
        assert_eq!(reply.status, status, "{line}");
        assert!(reply.message().contains("POST /segment"), "{line}");
        assert_eq!(reply.headers.contains_key("allow"), status == 405);
    }
    let slash = String::from_utf8(post(KEY, IDENTIFY)).unwrap().replace("/segment ", "/segment/ ");
    assert_eq!(ask(slash.as_bytes()).await.status, 202);
}

#[tokio::test]
async fn a_full_or_unavailable_queue_is_503_with_retry_after() {
    for outcome in [CommitOutcome::Full, CommitOutcome::Unavailable] {
        let harness = Harness::new(TestQueue::new(&[outcome]), Limits::default()).await;
        let reply = exchange(harness.address, &post(KEY, IDENTIFY)).await;
        assert_eq!(reply.status, 503);
        assert!(reply.headers["retry-after"].parse::<u64>().unwrap() > 0);
        assert_eq!(harness.endpoint.figures().answers[&503], 1);
    }
}

#[tokio::test]
async fn a_full_queue_refuses_identifies_before_deletes() {
    let queue = TestQueue::new(&[CommitOutcome::Full, CommitOutcome::Full]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let mut client = Client::connect(harness.address).await;
    assert_eq!(client.exchange(&post(KEY, IDENTIFY)).await.status, 503);
    assert_eq!(client.exchange(&post(KEY, DELETE)).await.status, 202, "tried again when it failed once");
    assert_eq!(queue.tries(), 3);
    assert_eq!(client.exchange(&post(KEY, IDENTIFY)).await.status, 503);
    assert_eq!(queue.tries(), 3, "the identify was turned away without a try");
    assert_eq!(client.exchange(&post(KEY, DELETE)).await.status, 202);
}

#[tokio::test]
async fn a_sync_that_fills_its_lane_does_not_affect_other_events() {
    let queue = TestQueue::new(&[CommitOutcome::Full]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let mut client = Client::connect(harness.address).await;
    assert_eq!(client.exchange(&post(KEY, MEMBER)).await.status, 503);
    assert_eq!(client.exchange(&post(KEY, IDENTIFY)).await.status, 202);
    assert_eq!(queue.tries(), 2);
    assert_eq!(client.exchange(&post(KEY, MEMBER)).await.status, 503);
    assert_eq!(queue.tries(), 2, "the member was turned away without a try");
}

#[tokio::test]
async fn one_connection_serves_many_requests_also_after_refusals() {
    let harness = Harness::new(TestQueue::new(&[]), Limits::default()).await;
    let mut client = Client::connect(harness.address).await;
    for (key, body, status) in
        [(KEY, IDENTIFY, 202), ("wrong.key", IDENTIFY, 401), (KEY, "no json", 400), (KEY, DELETE, 202)]
    {
        assert_eq!(client.exchange(&post(key, body)).await.status, status);
    }
}
