//! `X-Signature`, as Segment's Webhooks destinations make it.

use std::sync::Arc;

use async_trait::async_trait;
use connections::SharedSecret;
use hmac::{Hmac, KeyInit, Mac};
use ingest::{KeysUnavailable, Limits, SharedSecrets};
use sha1::Sha1;

use crate::client::{Reply, exchange, post};
use crate::harness::{Harness, KEY, OTHER_KEY, TestQueue};

const IDENTIFY: &str = r#"{ "type":"identify", "userId":"u1" }"#;

/// Connection 7 has two shared secrets; for connection 8 the store is unavailable.
struct Secrets;

#[async_trait]
impl SharedSecrets for Secrets {
    async fn of(&self, connection: i64) -> Result<Vec<SharedSecret>, KeysUnavailable> {
        match connection {
            7 => Ok(["new", "old"].map(|text| SharedSecret::parse(text).unwrap()).to_vec()),
            _ => Err(KeysUnavailable::new("planted")),
        }
    }
}

fn sign(secret: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn send(key: &str, body: &str, signature: Option<&str>) -> (Reply, usize) {
    let queue = TestQueue::new(&[]);
    let complete = |endpoint: ingest::Endpoint| endpoint.with_shared_secrets(Arc::new(Secrets));
    let harness = Harness::built(true, queue.clone(), Limits::default(), complete).await;
    let header = signature.map_or_else(String::new, |it| format!("\r\nX-Signature: {it}"));
    let request = String::from_utf8(post(key, body)).unwrap();
    let request = request.replacen("\r\nAccept: */*", &format!("{header}\r\nAccept: */*"), 1);
    let reply = exchange(harness.address, request.as_bytes()).await;
    (reply, queue.envelopes().len())
}

#[tokio::test]
async fn a_signed_event_is_accepted_and_any_other_is_403() {
    for secret in ["new", "old"] {
        let (reply, count) = send(KEY, IDENTIFY, Some(&sign(secret, IDENTIFY))).await;
        assert_eq!((reply.status, count), (202, 1), "{secret}");
    }
    let other_text = sign("new", r#"{"type":"identify","userId":"u1"}"#);
    for wrong in [sign("other", IDENTIFY), other_text, "0".repeat(40)] {
        let (reply, count) = send(KEY, IDENTIFY, Some(&wrong)).await;
        assert_eq!((reply.status, count), (403, 0));
        assert!(reply.message().contains("wrong"));
    }
    let prefixed = format!("sha1={}", sign("new", IDENTIFY));
    for malformed in ["zz", "abc", "3q2+796tvu/erb7v3q2+796tvu8=", &prefixed] {
        let (reply, count) = send(KEY, IDENTIFY, Some(malformed)).await;
        assert_eq!((reply.status, count), (403, 0));
        assert!(reply.message().contains("40 hex digits"), "{malformed}: {reply:?}");
    }
    for missing in [None, Some("")] {
        let (reply, count) = send(KEY, IDENTIFY, missing).await;
        assert_eq!((reply.status, count), (403, 0));
        assert!(reply.message().contains("missing"));
    }
}

#[tokio::test]
async fn an_array_is_signed_by_its_first_element_or_as_a_whole() {
    let body = format!("[ {IDENTIFY} , {{\"type\":\"delete\",\"userId\":\"u2\"}}]");
    for signed in [IDENTIFY, body.as_str()] {
        let (reply, count) = send(KEY, &body, Some(&sign("new", signed))).await;
        assert_eq!((reply.status, count), (202, 2), "{signed}");
    }
    for signed in ["{\"type\":\"delete\",\"userId\":\"u2\"}", ""] {
        let (reply, count) = send(KEY, &body, Some(&sign("new", signed))).await;
        assert_eq!((reply.status, count), (403, 0), "{signed}");
    }
    assert_eq!(send(KEY, "[]", Some(&sign("new", "[]"))).await.0.status, 202);
    assert_eq!(send(KEY, "[]", Some(&sign("new", ""))).await.0.status, 403);
}

#[tokio::test]
async fn events_are_503_while_the_secrets_of_their_connection_are_unknown() {
    let (reply, count) = send(OTHER_KEY, IDENTIFY, Some(&sign("new", IDENTIFY))).await;
    assert_eq!((reply.status, count), (503, 0));
}
