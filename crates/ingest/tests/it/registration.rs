//! The registration of unknown keys: the answers that Segment gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ingest::{KeysUnavailable, Limits, Registrar, Registration, RegistrationLimits};
use tokio::sync::Semaphore;

use crate::client::{Client, exchange, head, post};
use crate::harness::{Harness, KEY, TestQueue, UNSURE_KEY};

const IDENTIFY: &str = r#"{"type":"identify","userId":"u1"}"#;

/// A Refersion and a ledger: `pub.right…` is right and becomes connection 70, `pub.away` cannot be verified.
struct FakeRegistrar {
    asked: AtomicUsize,
    gate: Semaphore,
}

#[async_trait]
impl Registrar for FakeRegistrar {
    async fn register(&self, api_key: &str) -> Result<Registration, KeysUnavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        match api_key {
            "pub.away" => Err(KeysUnavailable::new("planted")),
            key if key.starts_with("pub.right") => Ok(Registration::Connection(70)),
            _ => Ok(Registration::Refused),
        }
    }
}

fn registrar(permits: usize) -> Arc<FakeRegistrar> {
    Arc::new(FakeRegistrar { asked: AtomicUsize::new(0), gate: Semaphore::new(permits) })
}

async fn harness(
    registrar: &Arc<FakeRegistrar>,
    queue: Arc<TestQueue>,
    any: bool,
    limits: Limits,
) -> Harness {
    let registrar = Arc::clone(registrar);
    Harness::built(any, queue, limits, |endpoint| endpoint.with_registrar(registrar)).await
}

#[tokio::test]
async fn the_first_event_with_a_new_key_is_accepted_for_its_new_connection() {
    for any in [true, false] {
        let (registrar, queue) = (registrar(10), TestQueue::new(&[]));
        let harness = harness(&registrar, queue.clone(), any, Limits::default()).await;
        for _ in 0..3 {
            assert_eq!(exchange(harness.address, &post("pub.right", IDENTIFY)).await.status, 202);
        }
        assert_eq!(queue.envelopes().iter().map(|it| it.connection).collect::<Vec<_>>(), [70, 70, 70]);
        assert_eq!(registrar.asked.load(Ordering::SeqCst), 1);
        assert_eq!(harness.endpoint.registrations().unwrap().registered, 1);
        let known = exchange(harness.address, &post(KEY, IDENTIFY)).await.status;
        assert_eq!(known, if any { 202 } else { 401 }, "known keys are not verified, others are");
    }
}

#[tokio::test]
async fn a_wrong_key_is_401_also_while_there_is_no_connection_and_one_that_cannot_be_verified_503() {
    let registrar = registrar(10);
    let harness = harness(&registrar, TestQueue::new(&[]), false, Limits::default()).await;
    let bare = b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    for (request, status) in [
        (post("pub.wrong", IDENTIFY), 401),
        (post("pub.wrong", IDENTIFY), 401),
        (post("no key", IDENTIFY), 401),
        (bare, 401),
        (post("pub.away", IDENTIFY), 503),
        (post(UNSURE_KEY, IDENTIFY), 503),
    ] {
        assert_eq!(exchange(harness.address, &request).await.status, status);
    }
    assert_eq!(registrar.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn simultaneous_requests_with_the_same_new_key_are_all_accepted() {
    let (registrar, queue) = (registrar(20), TestQueue::new(&[]));
    let harness = harness(&registrar, queue.clone(), true, Limits::default()).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(harness.address).await;
        client.send(&post("pub.right", IDENTIFY)).await;
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.reply().await.unwrap().status, 202);
    }
    assert_eq!(queue.envelopes().len(), 20);
}

#[tokio::test]
async fn a_verification_that_outlasts_the_deadline_is_503_and_completes_afterwards() {
    let registrar = registrar(0);
    let limits = Limits { deadline: Duration::from_millis(200), ..Limits::default() };
    let harness = harness(&registrar, TestQueue::new(&[]), true, limits).await;
    assert_eq!(exchange(harness.address, &post("pub.right", IDENTIFY)).await.status, 503);
    registrar.gate.add_permits(1);
    while harness.endpoint.registrations().unwrap().registered == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn verifications_are_limited_by_the_client_that_a_trusted_proxy_names_and_altogether() {
    let registrar = registrar(100);
    let registration = RegistrationLimits { by_client: 2, altogether: 3 };
    let trusted_proxies = "127.0.0.1".parse().unwrap();
    let limits = Limits { registration, trusted_proxies, ..Limits::default() };
    let harness = harness(&registrar, TestQueue::new(&[]), true, limits).await;
    let ask = async |client: &str, key: &str| {
        let forwarded = format!("\r\n{client}\r\nAccept: */*");
        let request = head(key, IDENTIFY.len()).replacen("\r\nAccept: */*", &forwarded, 1);
        exchange(harness.address, format!("{request}{IDENTIFY}").as_bytes()).await
    };
    let one = "X-Forwarded-For: 192.0.2.1";
    for key in ["pub.wrong1", "pub.right1"] {
        assert!(ask(one, key).await.status != 503);
    }
    let reply = ask(one, "pub.right2").await;
    assert_eq!((reply.status, reply.headers.contains_key("retry-after")), (503, true));
    assert_eq!(ask("Forwarded: for=192.0.2.2", "pub.right2").await.status, 202);
    assert_eq!(ask("Forwarded: for=192.0.2.3", "pub.right3").await.status, 503, "altogether");
    assert_eq!(ask(one, "pub.right1").await.status, 202, "what is registered is no new key");
    let figures = harness.endpoint.registrations().unwrap();
    assert_eq!((figures.registered, figures.refused, figures.limited), (2, 1, 2));
}
