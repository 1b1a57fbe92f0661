//! The Tracking API as Segment's client libraries use it.

use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use ingest::Limits;
use queue::Lane;
use serde_json::{Value, json};

use crate::client::{Client, Reply, exchange};
use crate::harness::{CommitOutcome, Harness, KEY, NOW, TestQueue, UNSURE_KEY, WRITE_KEY};

/// A request: its path, its sender and its body.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) headers: &'a str,
    pub(crate) body: Vec<u8>,
}

impl<'a> Request<'a> {
    pub(crate) fn to(path: &'a str, key: Option<&'a str>, body: &Value) -> Self {
        Self { method: "POST", path, key, headers: "", body: body.to_string().into_bytes() }
    }

    fn bytes(&self) -> Vec<u8> {
        let basic = self.key.map(|key| BASE64_STANDARD.encode(format!("{key}:")));
        let key = basic.map_or_else(String::new, |basic| format!("Authorization: Basic {basic}\r\n"));
        let (method, path, headers, length) = (self.method, self.path, self.headers, self.body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: door\r\n{key}{headers}Content-Length: {length}\r\n\r\n"
        );
        [head.into_bytes(), self.body.clone()].concat()
    }

    pub(crate) async fn send(&self) -> Reply {
        let harness = Harness::new(TestQueue::new(&[]), Limits::default()).await;
        exchange(harness.address, &self.bytes()).await
    }
}

async fn harness() -> (Arc<TestQueue>, Harness) {
    let queue = TestQueue::new(&[]);
    (queue.clone(), Harness::new(queue, Limits::default()).await)
}

fn payloads(queue: &TestQueue) -> Vec<Value> {
    queue.envelopes().iter().map(|envelope| serde_json::from_str(envelope.payload.get()).unwrap()).collect()
}

fn item(user: &str) -> Value {
    json!({ "type": "identify", "userId": user, "traits": { "email": format!("{user}@example.com") } })
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn every_path_takes_its_events_and_answers_exactly_200_with_success() {
    for (path, kind) in [
        ("identify", "identify"),
        ("track", "track"),
        ("page", "page"),
        ("screen", "screen"),
        ("group", "group"),
        ("alias", "alias"),
        ("i", "identify"),
        ("t", "track"),
        ("p", "page"),
        ("s", "screen"),
        ("g", "group"),
        ("a", "alias"),
    ] {
        let (queue, harness) = harness().await;
        let ask = Request::to(&format!("/v1/{path}"), Some(WRITE_KEY), &json!({ "userId": "u1" })).bytes();
        let reply = exchange(harness.address, &ask).await;
        assert_eq!((reply.status, reply.body), (200, json!({ "success": true })), "{path}");
        assert_eq!(payloads(&queue)[0]["type"], kind);
        assert_eq!(queue.envelopes()[0].connection, 7);
    }
    for path in ["batch", "import", "b"] {
        let (queue, harness) = harness().await;
        let body = json!({ "batch": [item("a"), { "type": "track" }, 7], "sentAt": NOW });
        let reply =
            exchange(harness.address, &Request::to(&format!("/v1/{path}"), Some(WRITE_KEY), &body).bytes())
                .await;
        assert_eq!((reply.status, reply.body), (200, json!({ "success": true })), "{path}");
        assert_eq!(queue.envelopes().len(), 3);
        assert_eq!(harness.endpoint.figures().accepted, 3);
        assert_eq!(harness.endpoint.figures().groups, 1, "what is answered together is stored together");
    }
}

#[tokio::test]
async fn servers_may_use_either_key_in_the_header_or_the_body() {
    let (_, harness) = harness().await;
    for key in [WRITE_KEY, KEY] {
        let in_header = Request::to("/v1/batch", Some(key), &json!({ "batch": [item("a")] }));
        let in_body = Request::to("/v1/batch", None, &json!({ "batch": [item("a")], "writeKey": key }));
        for ask in [in_header, in_body] {
            assert_eq!(exchange(harness.address, &ask.bytes()).await.status, 200, "{key}");
        }
    }
    for ask in [
        Request::to("/v1/batch", Some("wrong"), &json!({ "batch": [], "writeKey": WRITE_KEY })),
        Request::to("/v1/batch", None, &json!({ "batch": [], "writeKey": "wrong.key" })),
        Request::to("/v1/batch", None, &json!({ "batch": [] })),
    ] {
        let reply = exchange(harness.address, &ask.bytes()).await;
        assert_eq!((reply.status, &reply.body["success"]), (401, &json!(false)));
        assert!(reply.body["code"].is_string() && reply.message().contains("write key"), "{reply:?}");
    }
}

#[tokio::test]
async fn web_pages_may_use_the_write_key_only() {
    let (queue, harness) = harness().await;
    for (key, status) in [(WRITE_KEY, 200), (KEY, 401)] {
        let in_header = Request::to("/v1/i", Some(key), &json!({ "userId": "a" }));
        let in_body = Request::to("/v1/i", None, &json!({ "userId": "a", "writeKey": key }));
        for ask in [in_header, in_body] {
            let reply = exchange(harness.address, &ask.bytes()).await;
            assert_eq!((reply.status, reply.headers["access-control-allow-origin"].as_str()), (status, "*"));
            assert!(!reply.headers.contains_key("www-authenticate"), "the browser would ask for a password");
            let says_why = |reply: &Reply| reply.message().contains("accepts the write key only");
            assert!(status == 200 || says_why(&reply), "{reply:?}");
        }
    }
    assert!(queue.envelopes().iter().all(|envelope| !envelope.payload.get().contains(WRITE_KEY)));
}

/// The write key is on every page, and a delete may come by the direct contract.
#[tokio::test]
async fn the_write_key_opens_only_the_tracking_api() {
    let reply =
        Request::to("/segment", Some(WRITE_KEY), &json!({ "type": "delete", "userId": "a" })).send().await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn a_compressed_body_is_read_and_a_decompression_bomb_refused() {
    let gzip = "Content-Encoding: gzip\r\n";
    let (queue, harness) = harness().await;
    let ask = Request::to("/v1/batch", Some(WRITE_KEY), &json!({ "batch": [item("a")] }));
    let good = Request { headers: gzip, body: zipped(&ask.body), ..ask };
    assert_eq!(exchange(harness.address, &good.bytes()).await.status, 200);
    assert_eq!(payloads(&queue)[0]["userId"], "a");
    for (headers, body, status, code) in [
        (gzip, zipped(&vec![b' '; 100 << 20]), 413, "body_too_large"),
        (gzip, b"{}".to_vec(), 400, "invalid_body"),
        ("Content-Encoding: br\r\n", b"{}".to_vec(), 415, "unsupported_encoding"),
        ("", vec![b' '; (1 << 20) + 1], 413, "body_too_large"),
    ] {
        let bad = Request { headers, body, ..Request::to("/v1/batch", Some(WRITE_KEY), &Value::Null) };
        let reply = exchange(harness.address, &bad.bytes()).await;
        assert_eq!((reply.status, reply.body["code"].as_str()), (status, Some(code)), "{reply:?}");
    }
    assert_eq!(harness.endpoint.figures().body_bytes, 0);
}

/// The Python library sends a request again, eleven times, if the error has no code.
#[tokio::test]
async fn unreadable_requests_are_400_with_a_code_and_a_message() {
    let many = json!({ "batch": vec![json!({ "type": "track" }); 2_501] }).to_string();
    for (body, code) in [
        (r#"{"batch":[{"type":"identify","userId":"a","traits":{"age":NaN}}]}"#, "invalid_json"),
        ("", "invalid_json"),
        ("[]", "not_an_object"),
        ("{}", "no_batch"),
        (&many, "too_many_events"),
    ] {
        let ask = Request { body: body.into(), ..Request::to("/v1/batch", Some(WRITE_KEY), &Value::Null) };
        let reply = ask.send().await;
        assert_eq!((reply.status, reply.body["code"].as_str()), (400, Some(code)));
        assert!(!reply.message().is_empty() && reply.body["success"] == json!(false));
    }
}

#[tokio::test]
async fn temporary_failures_are_503_and_throttled_requests_429() {
    let queue = TestQueue::new(&[CommitOutcome::Unavailable]);
    let harness =
        Harness::new(queue.clone(), Limits { failed_keys_per_minute: 2, ..Limits::default() }).await;
    let batch = json!({ "batch": [item("a"), item("b")] });
    let reply = exchange(harness.address, &Request::to("/v1/batch", Some(WRITE_KEY), &batch).bytes()).await;
    assert_eq!((reply.status, reply.headers.contains_key("retry-after")), (503, true));
    assert_eq!((reply.body["code"].as_str(), &reply.body["success"]), (Some("unavailable"), &json!(false)));
    assert!(queue.envelopes().is_empty());
    let unsure = exchange(harness.address, &Request::to("/v1/batch", Some(UNSURE_KEY), &batch).bytes()).await;
    assert_eq!(unsure.status, 503);
    let mut statuses = Vec::new();
    for key in ["wrong-1", "wrong.2", "wrong-3"] {
        statuses.push(
            exchange(harness.address, &Request::to("/v1/batch", Some(key), &batch).bytes()).await.status,
        );
    }
    assert_eq!(statuses, [401, 401, 429], "wrong keys of both kinds count together");
    let right = exchange(harness.address, &Request::to("/v1/batch", Some(WRITE_KEY), &batch).bytes()).await;
    assert_eq!(right.status, 200);
}

#[tokio::test]
async fn events_of_engage_go_into_the_bulk_lane() {
    let (queue, harness) = harness().await;
    let engage =
        json!({ "type": "identify", "userId": "b", "context": { "personas": { "computation_key": "vip" } } });
    let body = json!({ "batch": [item("a"), engage] });
    exchange(harness.address, &Request::to("/v1/batch", Some(WRITE_KEY), &body).bytes()).await;
    let mut lanes: Vec<_> = queue.envelopes().iter().map(|envelope| envelope.lane).collect();
    lanes.sort_unstable();
    assert_eq!(lanes, [Lane::Live, Lane::Bulk]);
}

/// The memory of a body is given back, and an event that is nested too deeply for the reader is accepted, so that the
/// worker refuses it.
#[tokio::test]
async fn a_deeply_nested_event_is_accepted_without_the_key() {
    let (queue, harness) = harness().await;
    let escaped = KEY.replace("sec_", "\\u0073ec_");
    let deep =
        format!(r#"{{"type":"identify","a":{}"{KEY}","{escaped}"{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    let body = format!(r#"{{"batch":[{deep}]}}"#).into_bytes();
    let ask = Request { body, ..Request::to("/v1/batch", Some(KEY), &Value::Null) };
    assert_eq!(exchange(harness.address, &ask.bytes()).await.status, 200);
    let stored = queue.envelopes()[0].payload.get().to_owned();
    assert!(stored.contains("[redacted]") && !stored.contains("ec_4"), "{stored}");
    assert_eq!(harness.endpoint.figures().body_bytes, 0);
}

/// Random bytes, and requests with random changes: there is always an answer of the contract, and no memory stays taken.
#[tokio::test]
async fn every_request_gets_an_answer_of_the_contract() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_u64);
    let mut state = seed;
    let mut random = move |below: usize| {
        // Knuth's linear congruential generator: the same on every machine.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let (_, harness) = harness().await;
    let good = json!({ "batch": [item("a"), item("b")], "context": { "a": [1, null] }, "sentAt": NOW, "writeKey": WRITE_KEY });
    let good = good.to_string().into_bytes();
    let mut client = Client::connect(harness.address).await;
    for _ in 0..2_000 {
        let mut body = good.clone();
        for _ in 0..=random(4) {
            let at = random(body.len());
            match random(4) {
                0 => body[at] = u8::try_from(random(256)).unwrap(),
                1 => body.truncate(at.max(1)),
                2 => drop(body.splice(at..at, b"{\"[,:\\1e9".iter().copied().take(random(9)))),
                _ => drop(body.drain(at..(at + random(20)).min(body.len() - 1).max(at))),
            }
        }
        let (headers, body) = match random(4) {
            0 => ("Content-Encoding: gzip\r\n", body),
            1 => ("Content-Encoding: gzip\r\n", zipped(&body)),
            _ => ("", body),
        };
        let path = ["/v1/batch", "/v1/i", "/v1/identify", "/v1/b"][random(4)];
        let key = [Some(WRITE_KEY), None][random(2)];
        let reply =
            client.exchange(&Request { headers, body, ..Request::to(path, key, &Value::Null) }.bytes()).await;
        assert!([200, 400, 401, 413, 429].contains(&reply.status), "seed {seed}: {reply:?}");
        assert!(reply.status == 200 || reply.body["code"].is_string(), "seed {seed}: {reply:?}");
        if reply.headers.get("connection").is_some_and(|value| value == "close") {
            client = Client::connect(harness.address).await;
        }
    }
    assert_eq!(harness.endpoint.figures().body_bytes, 0);
}
