//! Accepted events that the reader refuses: each has one outcome, and is found by the identifiers that it names.

use ledger::{DeadLetterFilter, DeadLetterView, View as _};
use queue::Lane;
use serde_json::{Value, json};

use super::shop::{Plan, Shop, sign_up};

async fn letters(shop: &Shop) -> Vec<DeadLetterView> {
    let all = DeadLetterFilter { limit: 100, ..DeadLetterFilter::default() };
    shop.ledger.dead_letters(&all).await.expect("a ledger")
}

#[tokio::test(start_paused = true)]
async fn an_event_of_an_unsupported_type_is_skipped_under_its_type() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let types = ["track", "page", "screen", "group", "alias", "wave"];
    let events = types.map(|kind| json!({"type": kind, "userId": "ann", "properties": {"plan": "pro"}}));
    shop.send(Lane::Live, &events).await;
    shop.until_idle().await;
    let skipped = ("skipped", Some("event_type_not_supported".to_owned()));
    assert_eq!(shop.ends("ann").await, vec![skipped; types.len()]);
    let kinds: Vec<String> = shop.events_of("ann").await.into_iter().map(|view| view.kind).collect();
    assert_eq!(kinds, ["track", "page", "screen", "group", "alias", "other"]);
    assert!(letters(&shop).await.is_empty() && shop.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn any_other_refused_event_becomes_a_dead_letter_with_its_payload() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let nobody = json!({"type": "identify", "traits": {"plan": "pro"}});
    let typeless = json!({"userId": "ann", "traits": {"email": "ann@example.com"}});
    shop.send(Lane::Live, &[nobody, typeless, sign_up("bob")]).await;
    shop.until_idle().await;
    assert_eq!(shop.states(3).await, ["dead", "dead", "created"]);
    let letters = letters(&shop).await;
    let has_cause = |text: &str| letters.iter().any(|letter| letter.cause.contains(text));
    assert!(has_cause("no identifier") && has_cause("no type"), "{letters:?}");
    let payloads: Vec<Value> = letters
        .iter()
        .map(|letter| serde_json::from_str(letter.payload.as_deref().expect("kept")).expect("JSON"))
        .collect();
    assert!(payloads.iter().any(|payload| payload["traits"]["plan"] == "pro"));
    assert_eq!(shop.ends("ann").await, [("dead", Some("unreadable".to_owned()))]);
}

/// The stored parts of an event that could not be read are deleted with the person that it names.
#[tokio::test(start_paused = true)]
async fn a_delete_covers_the_dead_letter_of_an_event_without_a_type() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[json!({"userId": "ann", "traits": {"plan": "pro"}})]).await;
    shop.send(Lane::Live, &[json!({"type": "delete", "userId": "ann"})]).await;
    shop.until_idle().await;
    assert!(letters(&shop).await.iter().all(|letter| letter.payload.is_none()), "the payload is erased");
}

/// Strangers who read a write key out of a web page cannot fill a ledger with dead letters, which would stop its connection.
#[tokio::test(start_paused = true)]
async fn unreadable_events_sent_with_a_write_key_are_skipped() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let nobody = json!({"type": "identify", "traits": {"plan": "pro"}});
    let typeless = json!({"userId": "ann", "traits": {"email": "ann@example.com"}});
    shop.send_with_write_key(&[nobody, typeless, json!({}), sign_up("bob")]).await;
    shop.until_idle().await;
    assert_eq!(shop.states(4).await, ["skipped", "skipped", "skipped", "created"]);
    assert_eq!(shop.ends("ann").await, [("skipped", Some("unreadable".to_owned()))]);
    assert!(letters(&shop).await.is_empty());
}
