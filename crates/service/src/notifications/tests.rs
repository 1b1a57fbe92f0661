//! Tests of notices, and of delivery to real receivers that fail, hang and redirect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::{Delivery, Notification};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::look::{Letters, Look, Replay, Shop};
use super::seen::Seen;
use super::sign::SigningKey;
use super::watch::notice;
use super::{Sender, Thresholds};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const THRESHOLDS: Thresholds = Thresholds { dead_letters: 100, sync_events: 1_000 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn look(seconds: i64, shop: Shop) -> Look {
    let shop = Shop { name: "shop".to_owned(), ..shop };
    Look { at: at(seconds), connections: [(1, shop)].into(), ..Look::default() }
}

fn kinds(seen: &mut Seen, look: &Look) -> Vec<String> {
    // The seen state survives the process.
    *seen = Seen::read(&seen.write());
    notice(seen, look, &THRESHOLDS).into_iter().map(|new| new.kind).collect()
}

#[test]
fn a_pause_and_its_end_are_noticed_once_each() {
    let mut seen = Seen::default();
    let paused = |since| Shop { paused: Some(("credentials".to_owned(), at(since))), ..Shop::default() };
    assert!(kinds(&mut seen, &look(0, Shop::default())).is_empty());
    assert_eq!(kinds(&mut seen, &look(5, paused(4))), ["connection.paused"]);
    assert!(kinds(&mut seen, &look(10, paused(4))).is_empty());
    assert_eq!(kinds(&mut seen, &look(15, paused(12))), ["connection.paused"], "it was resumed in between");
    assert_eq!(kinds(&mut seen, &look(20, Shop::default())), ["connection.resumed"]);
    assert!(kinds(&mut seen, &look(25, Shop::default())).is_empty());
    let gone = Look { at: at(30), ..Look::default() };
    assert!(kinds(&mut seen, &gone).is_empty());
}

#[test]
fn the_end_of_a_replay_is_noticed_once_and_earlier_ends_are_not() {
    let mut seen = Seen::default();
    let replay = |plan, seconds| Replay {
        plan,
        ended_at: at(seconds),
        is_stopped: false,
        delivered: 3,
        failed: 1,
        skipped: 0,
        kept: 0,
        left_out: 0,
        not_sent: 0,
    };
    let with = |seconds, replays| Look { replays, ..look(seconds, Shop::default()) };
    assert!(kinds(&mut seen, &with(0, vec![replay(1, -5)])).is_empty());
    assert_eq!(kinds(&mut seen, &with(5, vec![replay(2, 3), replay(1, -5)])), ["replay.done"]);
    assert!(kinds(&mut seen, &with(10, vec![replay(2, 3), replay(1, -5)])).is_empty());
}

#[test]
fn a_growing_group_is_noticed_at_the_threshold_and_at_ten_times_as_much() {
    let mut seen = Seen::default();
    let mut noticed = Vec::new();
    for open in [1, 99, 100, 150, 999, 1_000, 90, 1_000, 50, 49, 100] {
        let letters = Letters {
            connection: 1,
            class: "refused".to_owned(),
            http_status: Some(422),
            field: Some("email".to_owned()),
            open,
            people: open,
        };
        let groups: BTreeMap<String, Letters> = [("g1".to_owned(), letters)].into();
        let look = Look { groups: Some(groups), ..look(0, Shop::default()) };
        let new = notice(&mut seen, &look, &THRESHOLDS);
        noticed.extend(new.iter().map(|new| (open, new.fact.clone())));
    }
    let at: Vec<u64> = noticed.iter().map(|(open, _)| *open).collect();
    assert_eq!(at, [100, 1_000, 100], "{noticed:?}");
    let facts: std::collections::BTreeSet<&String> = noticed.iter().map(|(_, fact)| fact).collect();
    assert_eq!(facts.len(), 3, "each is a fact of its own: {noticed:?}");
}

#[test]
fn a_sync_is_done_when_nothing_of_it_waits() {
    let mut seen = Seen::default();
    let shop = |pending, ended| Shop { pending, ended, ..Shop::default() };
    assert!(kinds(&mut seen, &look(0, shop(0, 500))).is_empty());
    assert!(kinds(&mut seen, &look(5, shop(10, 600))).is_empty());
    let queued = Look { bulk: 7, ..look(10, shop(0, 1_700)) };
    assert!(kinds(&mut seen, &queued).is_empty());
    assert_eq!(kinds(&mut seen, &look(15, shop(0, 1_800))), ["sync.done"]);
    assert!(kinds(&mut seen, &look(20, shop(3, 1_800))).is_empty());
    assert!(kinds(&mut seen, &look(25, shop(0, 1_810))).is_empty(), "too few for a sync");
}

/// A receiver that answers each request with this text, or not at all. Returns its URL and the requests that it gets.
async fn receiver(answer: Option<&'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=t0ken", listener.local_addr().unwrap());
    let got = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&got);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 4_096];
            let mut length = 0;
            while !String::from_utf8_lossy(&bytes[..length]).contains("\r\n\r\n{") {
                match stream.read(&mut bytes[length..]).await {
                    Ok(read) if read > 0 => length += read,
                    _ => break,
                }
            }
            requests.lock().push(String::from_utf8_lossy(&bytes[..length]).into_owned());
            if let Some(answer) = answer {
                drop(stream.write_all(answer.as_bytes()).await);
            }
            open.push(stream);
        }
    });
    (url, got)
}

fn due(attempts: u32) -> Notification {
    let (kind, body) = ("connection.paused".to_owned(), r#"{"type":"connection.paused"}"#.to_owned());
    Notification { id: 1, fact: "paused:1:2".to_owned(), kind, body, at: at(0), attempts }
}

async fn deliver(url: String, within: Duration, due: &Notification, now: i64) -> Delivery {
    let sender = Sender::new(url, SigningKey::parse(SECRET).unwrap(), within).unwrap();
    sender.deliver(due, at(now)).await
}

#[tokio::test]
async fn a_delivery_is_signed_and_each_try_has_the_same_id() {
    let (url, got) = receiver(Some("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")).await;
    for now in [1, 7] {
        assert_eq!(deliver(url.clone(), Duration::from_secs(5), &due(0), now).await, Delivery::Done);
    }
    let got = got.lock().clone();
    let header = |request: &str, name: &str| {
        let line = request.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned()).unwrap()
    };
    let id = header(&got[0], "webhook-id");
    assert_eq!(id, header(&got[1], "webhook-id"));
    let timestamp: i64 = header(&got[1], "webhook-timestamp").parse().unwrap();
    assert_eq!(timestamp, at(7).as_second());
    let expected = SigningKey::parse(SECRET).unwrap().sign(&id, timestamp, &due(0).body).unwrap();
    assert_eq!(header(&got[1], "webhook-signature"), expected);
    assert!(got[0].starts_with("POST /hook?token=t0ken ") && got[0].ends_with(&due(0).body), "{}", got[0]);
}

#[tokio::test]
async fn a_receiver_that_fails_hangs_or_redirects_is_tried_again_later() {
    let (fails, _) = receiver(Some("HTTP/1.1 503 Away\r\ncontent-length: 0\r\n\r\n")).await;
    let (elsewhere, got) = receiver(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
    let (redirects, _) = receiver(Some(redirect.leak())).await;
    let (hangs, _) = receiver(None).await;
    let nobody = "http://127.0.0.1:9/hook?token=t0ken".to_owned();
    for (url, why) in [(fails, "503"), (redirects, "redirects"), (hangs, "in time"), (nobody, "reached")] {
        let Delivery::Later { due_at, error } = deliver(url, Duration::from_millis(300), &due(3), 100).await
        else {
            panic!("{why}");
        };
        assert!(error.contains(why) && !error.contains("t0ken"), "{error}");
        assert_eq!(due_at, at(140));
    }
    assert!(got.lock().is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn a_delivery_is_given_up_after_a_day() {
    let (fails, _) = receiver(Some("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")).await;
    let day = 24 * 3_600;
    let later = deliver(fails.clone(), Duration::from_secs(5), &due(60), day - 3_601).await;
    let Delivery::Later { due_at, .. } = later else { panic!("{later:?}") };
    assert_eq!(due_at.duration_since(at(day - 3_601)), SignedDuration::from_hours(1), "waits have a limit");
    let over = deliver(fails, Duration::from_secs(5), &due(60), day - 3_599).await;
    assert!(matches!(over, Delivery::GivenUp { .. }), "{over:?}");
}
