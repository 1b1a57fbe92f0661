//! The size of one person is bounded: values that exceed a bound are refused one by one, and the rest of the person is
//! processed.

use identity::Graph;
use identity::bounds::Bounds;
use identity::graph::packed::pack;
use ledger::{DeadLetterFilter, DeadLetterView, Graphs as _, View as _};
use queue::Lane;
use serde_json::{Value, json};
use worker::translate::{Translator, USER};

use super::shop::{Plan, Shop, address, sign_up, with_trait};

async fn letters(shop: &Shop) -> Vec<DeadLetterView> {
    let all = DeadLetterFilter { limit: 1_000, ..DeadLetterFilter::default() };
    shop.ledger.dead_letters(&all).await.expect("a ledger")
}

/// The graph of somebody's userId.
async fn graph(shop: &Shop, who: &str) -> Graph {
    let translator = Translator { vault: &shop.worker.vault, connection: shop.id };
    let digest = translator.digest(USER, who);
    let mut found = shop.ledger.gather(shop.id, &[digest], &[]).await.expect("a ledger").graphs;
    found.remove(0).graph
}

/// One event in 25 kB: a hundred traits that no setting maps, each with a long value.
fn large_event(anonymous: &str) -> Value {
    let traits: serde_json::Map<_, _> =
        (0..100).map(|key| (format!("k{key}"), json!("x".repeat(250)))).collect();
    json!({ "type": "identify", "anonymousId": anonymous, "traits": traits })
}

#[tokio::test(start_paused = true)]
async fn a_person_with_too_many_statements_stays_within_the_bound_and_is_kept_current() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let mut events = vec![sign_up("ann")];
    for number in 0..40 {
        let anonymous = format!("x{number}");
        events.push(json!({ "type": "identify", "userId": "ann", "anonymousId": anonymous }));
        let mut lot = large_event(&anonymous);
        for key in 1..100 {
            lot["traits"][format!("k{key}")] = json!(format!("{number} {key} {}", "y".repeat(200)));
        }
        events.push(lot);
    }
    for some in events.chunks(10) {
        shop.send(Lane::Live, some).await;
    }
    shop.send(Lane::Live, &[with_trait("ann", "company", "Initech"), with_trait("ann", "vip", true)]).await;
    shop.until_idle().await;
    let ann = shop.affiliate(&address("ann")).expect("an affiliate");
    assert_eq!((ann.first_name.as_str(), ann.company.as_str()), ("Ann", "Initech"));
    let size = pack(&graph(&shop, "ann").await).len();
    assert!(size <= Bounds::STANDARD.bytes, "{size} bytes");
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert!(counts.dead_letters_by_class["too_large"] > 0, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_with_too_many_unmapped_traits_dies_and_its_mapped_traits_are_sent() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let mut event = sign_up("ann");
    for number in 0..1_200 {
        event["traits"][format!("made up {number:04}")] = json!("v");
    }
    event["traits"]["vip"] = json!("yes");
    shop.send(Lane::Live, &[event]).await;
    shop.until_idle().await;
    assert_eq!(shop.states(1).await, ["dead"]);
    assert_eq!(shop.affiliate(&address("ann")).expect("an affiliate").custom_fields[&101], "yes");
    let letter = letters(&shop).await.remove(0);
    assert_eq!((letter.class.as_str(), letter.field.as_deref()), ("too_large", Some("madeup1000")));
    assert!(letter.cause.starts_with("200 values of this event were refused"), "{}", letter.cause);
    assert!(letter.payload.is_some(), "nothing is lost with it");
    let graph = graph(&shop, "ann").await;
    let traits = graph.identifiers.values().map(|identifier| identifier.traits.len());
    assert_eq!(traits.sum::<usize>(), 1_000 + 3);
}

#[tokio::test(start_paused = true)]
async fn an_event_with_a_value_that_is_too_long_dies_and_the_rest_of_it_is_sent() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    let mut event = with_trait("ann", "company", "secret ".repeat(4_000));
    event["traits"]["lastName"] = json!("Wu");
    shop.send(
        Lane::Live,
        &[event, with_trait("ann", "vip", "z".repeat(256)), with_trait("ann", "bio", "z".repeat(256))],
    )
    .await;
    shop.until_idle().await;
    assert_eq!(shop.states(4).await, ["created", "dead", "dead", "dead"]);
    let ann = shop.affiliate(&address("ann")).expect("an affiliate");
    assert_eq!((ann.last_name.as_str(), ann.company.as_str()), ("Wu", ""));
    let letters = letters(&shop).await;
    for (name, limit) in [("company", "1,000"), ("vip", "255"), ("bio", "255")] {
        let of =
            |letter: &&DeadLetterView| letter.cause.contains(&format!("\"{name}\" is longer than {limit}"));
        let letter = letters.iter().find(of).unwrap_or_else(|| panic!("{name}: {letters:?}"));
        assert!(letter.class == "too_large" && !letter.cause.contains("secret"), "{letter:?}");
    }
    assert!(pack(&graph(&shop, "ann").await).len() < 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_delete_erases_the_payload_of_a_refused_event() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let mut event = sign_up("ann");
    for number in 0..1_001 {
        event["traits"][format!("made up {number}")] = json!("v");
    }
    shop.send(Lane::Live, &[event]).await;
    shop.until_idle().await;
    assert!(letters(&shop).await[0].payload.is_some());
    shop.send(Lane::Live, &[json!({ "type": "delete", "userId": "ann" })]).await;
    shop.until_idle().await;
    assert!(letters(&shop).await[0].payload.is_none());
}
