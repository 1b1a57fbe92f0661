//! Walks through Refersion's list: they end, whatever happens, and a comparison leaves no page out.

use std::time::Duration;

use connections::Registry as _;
use ledger::{Audiences as _, Directory as _, Drift, FinishedWalk, Hints as _, WalkRequest};
use queue::Lane;
use refersion::webhook;
use serde_json::json;
use simulator::StaffChange;
use tokio::time::Instant;
use worker::hints::Hint;

use super::ledger_outage::LedgerOutage;
use super::shop::{Plan, Shop, address, sign_up, with_trait};
use crate::sim::check::rows;

async fn request(shop: &Shop, verify: bool, max_calls: Option<u64>) {
    let request = WalkRequest { asked_at: shop.worker.now(), verify, repair: false, max_calls };
    shop.ledger.request_walk(shop.id, request).await.expect("requested");
}

/// Waits until the requested walk has ended.
async fn ended(shop: &Shop) -> FinishedWalk {
    shop.until("the walk ends", async || {
        let state = shop.ledger.directory(shop.id).await.expect("a ledger");
        state.requested.is_none() && state.walk.is_none() && state.finished.is_some()
    })
    .await;
    shop.ledger.directory(shop.id).await.expect("a ledger").finished.expect("it has ended")
}

/// Changes a field in Refersion's dashboard.
fn staff_change(shop: &Shop, email: &str, field: &str, text: &str) {
    let affiliate = shop.affiliate(email).expect("an affiliate");
    let change = StaffChange::Field(field.to_owned(), text.to_owned());
    let now = shop.wire.began.elapsed();
    assert!(shop.wire.core.lock().staff_changes(now, "pub_1", affiliate.id, change));
}

/// Sets a stored time to one that only a wrong clock can have written.
async fn set_far_ahead(shop: &Shop, column: &str, key: &str) {
    let far = "2099-01-01T00:00:00Z";
    let update =
        format!("UPDATE directories SET {column} = json_set({column}, '$.{key}', '{far}') RETURNING 1");
    assert_eq!(rows(&shop.file, &update).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_walk_ends_if_its_page_is_refused_again_and_again() {
    let shop = Shop::open(Plan::usual()).await;
    shop.existed(&address("ann"));
    *shop.wire.refused.lock() = Some("list");
    shop.reconcile();
    request(&shop, false, None).await;
    let refused = ended(&shop).await;
    assert!(!refused.complete && refused.walk.failure.is_some(), "{refused:?}");
    *shop.wire.refused.lock() = None;
    request(&shop, true, None).await;
    let next = ended(&shop).await;
    assert!(next.complete && next.walk.request.verify, "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_arrives_during_a_ledger_outage_is_compared_after_it() {
    let mut outage = LedgerOutage::open(Plan::usual()).await;
    outage.shop.send(Lane::Live, &[sign_up("ann"), sign_up("bo")]).await;
    outage.shop.until_idle().await;
    outage.shop.send(Lane::Live, &[with_trait("ann", "lastName", "Day")]).await;
    outage.shop.until_idle().await;
    staff_change(&outage.shop, &address("ann"), "last_name", "Night");
    outage.shop.slow_down(Duration::from_secs(1));
    request(&outage.shop, true, None).await;
    outage.until_sent("list", 1).await;
    outage.make_unavailable(Duration::from_secs(5));
    let walk = ended(&outage.shop).await;
    assert!(walk.complete, "{walk:?}");
    assert_eq!((walk.walk.compared, walk.walk.drifted), (2, 1));
    let drift = outage.shop.ledger.drift(outage.shop.id, 10).await.expect("a ledger");
    assert_eq!(drift.into_iter().flat_map(|drift| drift.fields).collect::<Vec<_>>(), ["last_name"]);
}

/// The list does not show the company, so a repair sends it again if a webhook has shown another one.
#[tokio::test(start_paused = true)]
async fn a_difference_that_only_a_webhook_shows_is_repaired() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), with_trait("ann", "company", "Acme")]).await;
    shop.until_idle().await;
    staff_change(&shop, &address("ann"), "company", "Other");
    let code = shop.affiliate(&address("ann")).expect("an affiliate").code;
    let digest = shop.ledger.addresses_of(shop.id, std::slice::from_ref(&code)).await.expect("a ledger");
    let (found_at, fields) = (shop.worker.now(), vec!["company".to_owned()]);
    let drift = Drift { address: digest.get(&code).copied(), code, fields, found_at };
    shop.ledger.note_drift(shop.id, &drift).await.expect("noted");
    let repair = WalkRequest { asked_at: shop.worker.now(), verify: true, repair: true, max_calls: None };
    shop.ledger.request_walk(shop.id, repair).await.expect("requested");
    assert_eq!(ended(&shop).await.walk.drifted, 1);
    shop.until_idle().await;
    assert_eq!(shop.affiliate(&address("ann")).expect("an affiliate").company, "Acme");
    assert!(shop.ledger.drift(shop.id, 10).await.expect("a ledger").is_empty());
}

/// A walk that a process with a wrong clock left behind neither waits for years nor keeps repeated walks from beginning.
#[tokio::test(start_paused = true)]
async fn a_walk_from_a_clock_that_was_ahead_goes_on_at_once() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.worker.limits.walk_every = Some(Duration::from_secs(3_600));
    shop.existed(&address("ann"));
    shop.faults("403=100%,operation=affiliate/list");
    shop.reconcile();
    request(&shop, false, None).await;
    shop.until("a page is refused", async || shop.count("list") > 0).await;
    shop.end_reconcile().await;
    shop.faults("");
    set_far_ahead(&shop, "walk", "next_at").await;
    let before = Instant::now();
    shop.reconcile();
    ended(&shop).await;
    assert!(before.elapsed() < Duration::from_secs(60), "{:?}", before.elapsed());
    shop.end_reconcile().await;
    set_far_ahead(&shop, "finished", "ended_at").await;
    let calls = shop.count("list");
    shop.reconcile();
    shop.until("the repeated walk begins", async || shop.count("list") > calls).await;
    assert!(before.elapsed() < Duration::from_secs(120), "{:?}", before.elapsed());
}

/// Of each audience, the members and those of them who are affiliates.
async fn members_and_affiliates(shop: &Shop) -> Vec<(u64, u64)> {
    let counts = shop.ledger.audience_counts(Some(shop.id)).await.expect("a ledger");
    counts.iter().map(|it| (it.members, it.affiliates)).collect()
}

/// A webhook about a new affiliate binds the person who waits for it, and counts that person among the audience's affiliates at once.
#[tokio::test(start_paused = true)]
async fn a_webhook_counts_the_member_that_it_binds() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    request(&shop, false, None).await;
    ended(&shop).await;
    let mut member = with_trait("eve", "vip", true);
    member["traits"]["email"] = address("eve").into();
    shop.send(Lane::Bulk, &[member]).await;
    shop.until_idle().await;
    assert_eq!(members_and_affiliates(&shop).await, [(1, 0)]);
    shop.end_reconcile().await;
    shop.existed(&address("eve"));
    let affiliate = shop.affiliate(&address("eve")).expect("an affiliate");
    let body =
        json!({ "id": affiliate.id, "code": affiliate.code, "status": "ACTIVE", "email": address("eve") });
    let webhook = webhook::affiliate(body.to_string().as_bytes()).expect("a webhook about an affiliate");
    let connection = shop.ledger.by_id(shop.id).await.expect("a ledger").expect("the connection");
    let hint = Hint::of(&connection, &shop.worker.vault, &webhook, shop.worker.now());
    assert!(hint.receive(&shop.ledger).await.expect("a ledger").is_none(), "nothing was sent to it");
    assert_eq!(members_and_affiliates(&shop).await, [(1, 1)]);
}
