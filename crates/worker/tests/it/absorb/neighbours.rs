//! The events of one connection do not wait for those of another.

use std::time::Duration;

use futures_util::FutureExt as _;
use ledger::Changes;
use queue::TAKE_BYTES;
use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use worker::rules::ConnectionCache;
use worker::{Limits, absorb};

use super::Rig;

/// The size of a heavy event, in bytes.
const HEAVY: usize = 100_000;

#[tokio::test]
async fn an_event_waits_for_only_a_part_of_the_heavy_backlog_of_another_connection() {
    let mut rig = Rig::new(Limits::default(), |_| None).await;
    let (heavy, light) = (rig.add("heavy").await, rig.add("light").await);
    let mut backlog = Vec::new();
    for user in 0..60 {
        let text = json!({ "plan": "x".repeat(200), "nested": { "text": "x".repeat(HEAVY) } });
        backlog.extend(rig.send(heavy, &[&format!("user-{user}")], &text).await);
    }
    let event = rig.send(light, &["ann"], &json!({ "plan": "pro" })).await;
    let (mut known, stop) = (ConnectionCache::default(), CancellationToken::new());
    while rig.recorded(light, &event).await.is_empty() {
        absorb::round(&rig.worker, &mut known, &stop).await.expect("absorbed");
    }
    let before = rig.recorded(heavy, &backlog).await.len() * HEAVY;
    assert!(before <= 2 * TAKE_BYTES, "{before} bytes of another connection were recorded before");
}

/// Recording never ends for one connection, for example because its graphs are large: the others are not affected.
#[tokio::test(start_paused = true)]
async fn a_connection_that_hangs_in_the_ledger_delays_no_other() {
    let people: Vec<String> = (0..30).map(|user| format!("user-{user}")).collect();
    others_go_on_while_some_hang(1, &people).await;
}

/// All events of each of two connections wait for one graph that is never written.
#[tokio::test(start_paused = true)]
async fn connections_whose_events_wait_for_a_graph_delay_no_other() {
    let one_person = vec!["ann".to_owned(); 30];
    others_go_on_while_some_hang(2, &one_person).await;
}

/// Recording never ends for the first `hanging` connections, which have events about these people; later connections go on.
async fn others_go_on_while_some_hang(hanging: i64, people: &[String]) {
    let limits = Limits { absorb_batch: 1, ..Limits::default() };
    let mut rig = Rig::new(limits, |_| {
        Some(Box::new(move |changes: &Changes| match changes.connection <= hanging {
            true => std::future::pending().boxed(),
            false => async {}.boxed(),
        }))
    })
    .await;
    for number in 1..=hanging {
        assert_eq!(rig.add(&format!("hangs-{number}")).await, number);
        for user in people {
            rig.send(number, &[user], &json!({ "plan": "pro" })).await;
        }
    }
    let healthy = rig.add("well").await;
    let stop = CancellationToken::new();
    let (worker, stopped) = (rig.worker.clone(), stop.clone());
    let absorbing = tokio::spawn(async move { absorb::run(&worker, &stopped).await });
    for user in ["ann", "bo", "cy"] {
        sleep(Duration::from_secs(2)).await;
        let event = rig.send(healthy, &[user], &json!({ "plan": "pro" })).await;
        let recorded = async {
            while rig.recorded(healthy, &event).await.is_empty() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(60), recorded).await.expect("it does not wait for the others");
    }
    stop.cancel();
    absorbing.abort();
}
