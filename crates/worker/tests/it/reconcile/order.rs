//! Live before bulk, bulk never starved, batches filled, and no event stuck behind creates that never end.

use std::time::Duration;

use queue::Lane;
use serde_json::Value;
use tokio::time::sleep;

use super::shop::{Plan, Shop, address, sign_up, with_trait};

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

fn sign_up_all(names: &[String]) -> Vec<Value> {
    names.iter().map(|name| sign_up(name)).collect()
}

#[tokio::test(start_paused = true)]
async fn live_calls_go_first_and_every_tenth_call_is_bulk_while_both_are_due() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.send(Lane::Bulk, &sign_up_all(&names("bulk", 40))).await;
    shop.send(Lane::Live, &sign_up_all(&names("live", 27))).await;
    shop.reconcile();
    shop.until_idle().await;
    let creates: Vec<bool> = shop.calls().iter().map(|call| call.email().starts_with("live")).collect();
    assert_eq!(creates.len(), 67);
    for (round, ten) in creates[..30].chunks(10).enumerate() {
        let live = ten.iter().filter(|live| **live).count();
        assert_eq!(live, 9, "of the calls from {}", round * 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_event_overtakes_a_sync_that_is_under_way() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.send(Lane::Bulk, &sign_up_all(&names("bulk", 300))).await;
    shop.reconcile();
    shop.until("the sync is under way", async || shop.count("new") >= 20).await;
    let before = shop.calls().len();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until("ann is an affiliate", async || shop.affiliate(&address("ann")).is_some()).await;
    let place = shop.calls().iter().position(|call| call.email() == address("ann")).expect("a create");
    // A few calls had been planned before her event came.
    assert!(place - before <= 5, "{} calls went before hers", place - before);
}

#[tokio::test(start_paused = true)]
async fn fifty_edits_share_one_call() {
    let mut shop = Shop::open(Plan::usual()).await;
    let names = names("member", 120);
    shop.send(Lane::Bulk, &sign_up_all(&names)).await;
    shop.reconcile();
    shop.until_idle().await;
    assert_eq!((shop.count("new"), shop.count("edit")), (120, 0));
    let flags: Vec<Value> = names.iter().map(|name| with_trait(name, "vip", true)).collect();
    shop.send(Lane::Bulk, &flags).await;
    shop.until_idle().await;
    let mut sizes: Vec<usize> = shop.calls()[120..]
        .iter()
        .map(|call| call.body["affiliates"].as_array().map(Vec::len).unwrap_or_default())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [20, 50, 50]);
}

/// Fifty edits cost as much as one create, so a steady stream of creates must not delay them for ever.
#[tokio::test(start_paused = true)]
async fn an_edit_does_not_wait_until_all_creates_are_made() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.reconcile();
    shop.until_idle().await;
    // A new account for every call that can be made in 80 s.
    shop.send(Lane::Live, &sign_up_all(&names("new", 600))).await;
    shop.send(Lane::Live, &[with_trait("ann", "vip", true)]).await;
    for round in 0..20 {
        shop.send(Lane::Live, &sign_up_all(&names(&format!("more{round}-"), 60))).await;
        sleep(Duration::from_secs(3)).await;
    }
    shop.until_idle().await;
    let flag = shop.calls().iter().position(|call| call.operation == "edit").expect("an edit");
    // Calls that were due before the edit, or within its batching delay of ten seconds.
    assert!(flag < 600 + 5 * 60, "the edit was call {flag} of {}", shop.calls().len());
}
