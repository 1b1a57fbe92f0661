//! Many connections, many bodies, many wrong keys: one sender never blocks another.

use std::time::Duration;

use ingest::Limits;

use crate::client::{Client, exchange, head, post};
use crate::harness::{CommitOutcome, Harness, KEY, OTHER_KEY, TestQueue};

const IDENTIFY: &str = r#"{"type":"identify","userId":"u1"}"#;

/// Number of requests whose bodies never arrive.
const SLOW: u64 = 120;

/// Longer than a limit of the tests.
const SHORT: Duration = Duration::from_millis(200);

async fn harness(limits: Limits) -> Harness {
    Harness::new(TestQueue::new(&[]), limits).await
}

/// A request that a proxy passes on.
fn proxied_request(key: &str, header: &str) -> Vec<u8> {
    let request = String::from_utf8(post(key, IDENTIFY)).unwrap();
    request.replacen("Accept: */*", header, 1).into_bytes()
}

#[tokio::test]
async fn silent_connections_do_not_block_other_senders() {
    let harness =
        harness(Limits { max_connections: 60, max_connections_per_address: 25, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for number in 0..150 {
        let own = ["127.0.0.1", "127.0.0.3", "127.0.0.4"][number % 3];
        silent.push(Client::connect_from(own, harness.address).await);
        if number % 2 == 0 {
            silent.last_mut().unwrap().send(b"POST /segment HTTP/1.1\r\nHost: ").await;
        }
    }
    for own in ["127.0.0.1", "127.0.0.2"] {
        let reply = Client::connect_from(own, harness.address).await.exchange(&post(KEY, IDENTIFY)).await;
        assert_eq!(reply.status, 202, "from {own}");
    }
    let connections = harness.endpoint.figures().connections;
    assert!(connections.open <= 60, "{connections:?}");
    assert!(connections.closed_idle >= 90 && connections.refused == 0, "{connections:?}");
}

#[tokio::test]
async fn silent_connections_from_one_address_take_no_more_than_its_share() {
    // Ten times the share, within the number of files that a test may usually open.
    let limits = Limits {
        max_connections_per_address: 30,
        header_timeout: Duration::from_secs(600),
        ..Limits::default()
    };
    let harness = harness(limits).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(Client::connect(harness.address).await);
    }
    for own in ["127.0.0.1", "127.0.0.2"] {
        let reply = Client::connect_from(own, harness.address).await.exchange(&post(KEY, IDENTIFY)).await;
        assert_eq!(reply.status, 202, "from {own}");
    }
    assert!(harness.endpoint.figures().connections.open <= 31 + 1);
}

#[tokio::test]
async fn a_request_under_way_is_never_ended_for_a_new_connection() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let limits = Limits { max_connections: 2, max_connections_per_address: 2, ..Limits::default() };
    let harness = Harness::new(queue.clone(), limits).await;
    let mut busy = Client::connect(harness.address).await;
    busy.send(&post(KEY, IDENTIFY)).await;
    queue.begun().await;
    for _ in 0..20 {
        assert_eq!(exchange(harness.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 200);
    }
    queue.gate.add_permits(1);
    assert_eq!(busy.reply().await.unwrap().status, 202);
}

#[tokio::test]
async fn stalled_bodies_do_not_block_senders_of_the_same_address() {
    let long = Duration::from_secs(60);
    let limits =
        Limits { max_connections_per_address: 3, body_timeout: long, deadline: long, ..Limits::default() };
    let harness = harness(limits).await;
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(harness.address).await;
        client.send(format!("{}{{", head(KEY, 1000)).as_bytes()).await;
        stalled.push(client);
    }
    let accepted = async { while exchange(harness.address, &post(KEY, IDENTIFY)).await.status != 202 {} };
    tokio::time::timeout(Duration::from_secs(20), accepted).await.expect("a place of a stalled body");
}

#[tokio::test]
async fn announced_bodies_take_no_memory_before_they_arrive() {
    let harness = harness(Limits {
        body_timeout: Duration::from_secs(60),
        deadline: Duration::from_secs(60),
        ..Limits::default()
    })
    .await;
    let mut slow = Vec::new();
    for number in 0..SLOW {
        let mut client = Client::connect(harness.address).await;
        let key = if number % 2 == 0 { KEY } else { OTHER_KEY };
        client.send(format!("{}{{", head(key, 500_000)).as_bytes()).await;
        slow.push(client);
    }
    let all_have_begun = async {
        while harness.endpoint.figures().body_bytes < SLOW {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_have_begun).await.unwrap();
    assert!(harness.endpoint.figures().body_bytes <= SLOW * 64, "{}", harness.endpoint.figures().body_bytes);
    assert_eq!(exchange(harness.address, &post(KEY, IDENTIFY)).await.status, 202);
    drop(slow);
}

#[tokio::test]
async fn bodies_beyond_their_memory_are_503_and_only_for_the_connection_that_uses_it_up() {
    let limits = Limits {
        max_body_bytes: 10_000,
        body_memory_bytes: 80_000,
        body_timeout: Duration::from_secs(60),
        deadline: Duration::from_secs(60),
        ..Limits::default()
    };
    let harness = harness(limits).await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(harness.address).await;
        client.send(format!("{}{}", head(KEY, 10_000), "x".repeat(9_999)).as_bytes()).await;
        slow.push(client);
    }
    let both_have_arrived = async {
        while harness.endpoint.figures().body_bytes < 19_998 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both_have_arrived).await.unwrap();
    let refused = exchange(harness.address, &post(KEY, IDENTIFY)).await;
    assert_eq!(refused.status, 503);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(exchange(harness.address, &post(OTHER_KEY, IDENTIFY)).await.status, 202);
    for mut client in slow {
        client.send(b"x").await;
        assert_eq!(client.reply().await.unwrap().status, 400);
    }
    assert_eq!(exchange(harness.address, &post(KEY, IDENTIFY)).await.status, 202);
    assert_eq!(harness.endpoint.figures().body_bytes, 0);
}

#[tokio::test]
async fn wrong_keys_do_not_block_a_new_valid_key() {
    let harness = harness(Limits::default()).await;
    let mut client = Client::connect(harness.address).await;
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for number in 0..200 {
        let reply = client.exchange(&post(&format!("pub_{number}.sec_{number}"), IDENTIFY)).await;
        *statuses.entry(reply.status).or_default() += 1;
        assert!(
            reply.status == 401 || (1..=60).contains(&reply.headers["retry-after"].parse::<u64>().unwrap())
        );
    }
    assert_eq!(statuses, [(401, 30), (429, 170)].into());
    assert_eq!(client.exchange(&post("pub_0.sec_0", IDENTIFY)).await.status, 401, "it is answered each time");
    for key in [KEY, OTHER_KEY] {
        assert_eq!(client.exchange(&post(key, IDENTIFY)).await.status, 202);
    }
}

#[tokio::test]
async fn wrong_keys_count_for_the_client_that_a_trusted_proxy_names() {
    let limits = Limits {
        failed_keys_per_minute: 1,
        trusted_proxies: "127.0.0.1".parse().unwrap(),
        ..Limits::default()
    };
    let harness = harness(limits).await;
    let mut proxy = Client::connect(harness.address).await;
    for header in ["X-Forwarded-For: 6.6.6.6, 192.0.2.1", "Forwarded: for=\"192.0.2.2:80\";proto=https"] {
        for (number, status) in [(1, 401), (2, 429)] {
            let reply = proxy.exchange(&proxied_request(&format!("pub.sec{number}"), header)).await;
            assert_eq!(reply.status, status, "{header}");
        }
    }
    let other = proxy.exchange(&proxied_request("pub.sec3", "X-Forwarded-For: 192.0.2.1, 192.0.2.3")).await;
    assert_eq!(other.status, 401, "another client behind the same proxy");

    let mut stranger = Client::connect_from("127.0.0.2", harness.address).await;
    for (number, status) in [(4, 401), (5, 429)] {
        let forged = format!("X-Forwarded-For: 192.0.2.{number}");
        let reply = stranger.exchange(&proxied_request(&format!("pub.sec{number}"), &forged)).await;
        assert_eq!(reply.status, status, "headers of an untrusted peer are ignored");
    }
}

/// One request at the same time for each client of the proxy on this machine.
fn one_request_per_proxied_client() -> Limits {
    Limits {
        max_connections_per_address: 1,
        trusted_proxies: "127.0.0.1".parse().unwrap(),
        ..Limits::default()
    }
}

#[tokio::test]
async fn one_client_behind_a_proxy_takes_no_more_than_its_share_of_requests() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue.clone(), one_request_per_proxied_client()).await;
    let mut first = Client::connect(harness.address).await;
    first.send(&proxied_request(KEY, "X-Forwarded-For: 192.0.2.1")).await;
    queue.begun().await;
    let more = exchange(harness.address, &proxied_request(KEY, "X-Forwarded-For: 192.0.2.1")).await;
    assert_eq!((more.status, more.headers.contains_key("retry-after")), (503, true));
    let mut other = Client::connect(harness.address).await;
    other.send(&proxied_request(KEY, "X-Forwarded-For: 192.0.2.2")).await;
    assert!(!other.receives_within(SHORT).await, "it waits for the commit that is under way");
    queue.gate.add_permits(1);
    assert_eq!(first.reply().await.unwrap().status, 202);
    assert_eq!(other.reply().await.unwrap().status, 202);
}

#[tokio::test]
async fn waiting_batches_of_one_sender_do_not_refuse_events_of_others() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue.clone(), Limits::default()).await;
    let batch = format!("[{}]", vec![IDENTIFY; 5_000].join(","));
    let mut first = Client::connect(harness.address).await;
    first.send(&post(KEY, &batch)).await;
    queue.begun().await;
    for body in [batch.as_str(), IDENTIFY] {
        let refused = exchange(harness.address, &post(KEY, body)).await;
        assert_eq!((refused.status, refused.headers.contains_key("retry-after")), (503, true));
    }
    let mut other = Client::connect(harness.address).await;
    other.send(&post(OTHER_KEY, IDENTIFY)).await;
    assert!(!other.receives_within(SHORT).await, "it waits for the commit that is under way");
    queue.gate.add_permits(1);
    assert_eq!(first.reply().await.unwrap().status, 202);
    assert_eq!(other.reply().await.unwrap().status, 202);
    assert_eq!(exchange(harness.address, &post(KEY, IDENTIFY)).await.status, 202, "the lane stays open");
}

#[tokio::test]
async fn a_client_behind_a_proxy_gains_nothing_by_a_second_header() {
    let queue = TestQueue::new(&[CommitOutcome::Gated]);
    let harness = Harness::new(queue.clone(), one_request_per_proxied_client()).await;
    let forged = |number| format!("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=6.6.6.{number}");
    let mut first = Client::connect(harness.address).await;
    first.send(&proxied_request(KEY, &forged(1))).await;
    queue.begun().await;
    for number in 2..5 {
        assert_eq!(exchange(harness.address, &proxied_request(KEY, &forged(number))).await.status, 503);
    }
    queue.gate.add_permits(1);
    assert_eq!(first.reply().await.unwrap().status, 202);
}
