//! `Retry-After`: kept in the ledger, capped, honoured by the next holder, and ended by an operator.

use std::time::Duration;

use connections::{Registry as _, StateStore as _};
use jiff::{SignedDuration, Timestamp};
use queue::Lane;
use tokio::time::sleep;
use worker::{Limits, RetryPolicy};

use super::shop::{Plan, Shop, address, sign_up};

async fn waits_until(shop: &Shop) -> Option<Timestamp> {
    shop.ledger.by_id(shop.id).await.expect("a ledger").expect("the connection").asked_to_wait_until
}

/// A shop that Refersion has asked to wait for `seconds` seconds.
async fn shop_asked_to_wait(seconds: u64) -> Shop {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.faults(&format!("429-after=100%:{seconds}s"));
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), sign_up("bo")]).await;
    shop.until("refersion asks to wait", async || waits_until(&shop).await.is_some()).await;
    shop.faults("");
    shop
}

#[tokio::test(start_paused = true)]
async fn a_requested_wait_is_stored_and_outlives_the_worker() {
    let mut shop = shop_asked_to_wait(60).await;
    let began = shop.worker.now();
    shop.end_reconcile().await;
    shop.reconcile();
    shop.until_idle().await;
    assert!(shop.affiliate(&address("bo")).is_some());
    let first = shop.calls().iter().map(|call| call.at).find(|at| *at > shop.since(began)).expect("a call");
    assert!(first >= shop.since(began) + Duration::from_secs(58), "a call after {first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_a_day_counts_as_an_hour() {
    let shop = shop_asked_to_wait(86_400).await;
    let until = waits_until(&shop).await.expect("a time");
    let wait = until.duration_since(shop.worker.now());
    assert!(wait <= SignedDuration::from_hours(1), "{wait:?}");
    shop.until_idle().await;
    assert!(shop.affiliate(&address("bo")).is_some());
}

#[tokio::test(start_paused = true)]
async fn the_longest_wait_is_a_setting() {
    let retry = RetryPolicy { max_retry_after: Duration::from_secs(5), ..RetryPolicy::default() };
    let mut shop = Shop::open(Plan { limits: Limits { retry, ..Limits::default() }, ..Plan::usual() }).await;
    shop.faults("429-after=100%:3600s");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until("it is asked twice", async || shop.count("new") > 1).await;
    assert!(shop.calls()[1].at < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn resuming_the_connection_ends_the_wait() {
    let shop = shop_asked_to_wait(3_600).await;
    let before = shop.calls().len();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(shop.calls().len(), before, "it waits");
    shop.ledger.resume(shop.id, None).await.expect("resumed");
    sleep(Duration::from_secs(60)).await;
    assert!(shop.affiliate(&address("ann")).is_some() && shop.affiliate(&address("bo")).is_some());
    assert_eq!(waits_until(&shop).await, None);
}
