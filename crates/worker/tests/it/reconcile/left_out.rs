//! Events as they really are: identifiers that name no person, values that cannot be used, refused values that are stated again,
//! deletes that match no person. None of these is dropped silently.

use std::time::Duration;

use connections::Settings;
use ledger::{Counts, DeadLetterFilter, DeadLetterState, DeadLetterView, EventView, View as _};
use queue::Lane;
use serde_json::{Value, json};
use worker::Limits;
use worker::translate::{MESSAGE, Translator};

use super::shop::{Plan, Shop, address, sign_up, with_trait};

async fn counts(shop: &Shop) -> Counts {
    shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger")
}

/// Names that look like ids are counted under one name, also several of one event.
#[tokio::test(start_paused = true)]
async fn unusable_values_under_several_names_like_ids_delay_no_event() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let mut event = sign_up("ann");
    for name in ["1234567", "7654321", "018f3d5e-7c1b-7000-8000-0123456789ab"] {
        event["traits"][name] = json!(["a list"]);
    }
    shop.send(Lane::Live, &[event]).await;
    shop.until_idle().await;
    assert!(shop.affiliate(&address("ann")).is_some());
    assert_eq!(counts(&shop).await.unusable_values, [("(names like addresses or ids) nested".to_owned(), 3)]);
}

/// The event that was sent as the `number`-th.
async fn event(shop: &Shop, number: u32) -> EventView {
    let translator = Translator { vault: &shop.worker.vault, connection: shop.id };
    let digest = translator.digest(MESSAGE, &format!("m-{number}"));
    shop.ledger.find_events(&[digest], 10).await.expect("a ledger").remove(0)
}

async fn end(shop: &Shop, number: u32) -> (&'static str, String) {
    let event = event(shop, number).await;
    (event.state.word(), event.reason.unwrap_or_default())
}

async fn letters(shop: &Shop) -> Vec<DeadLetterView> {
    let all = DeadLetterFilter { limit: 100, ..DeadLetterFilter::default() };
    shop.ledger.dead_letters(&all).await.expect("a ledger")
}

fn stranger(user: Value, who: &str) -> Value {
    let mut event = sign_up(who);
    event["userId"] = user;
    event
}

#[tokio::test(start_paused = true)]
async fn persons_who_share_a_blocked_identifier_stay_separate() {
    let limits = Limits { blocked_identifiers: vec!["kiosk".to_owned()], ..Limits::default() };
    let usual = Plan::usual();
    let settings = Settings { blocked_identifiers: ["Till 7".to_owned()].into(), ..usual.settings };
    let mut shop = Shop::open(Plan { limits, settings, ..usual }).await;
    shop.reconcile();
    for (nth, junk) in [json!("undefined"), json!(0), json!("KIOSK"), json!("till 7")].into_iter().enumerate()
    {
        let who = |letter| format!("{letter}{nth}");
        let all = ["a", "b", "c"].map(|letter| stranger(junk.clone(), &who(letter)));
        shop.send(Lane::Live, &all).await;
        shop.until_idle().await;
        for letter in ["a", "b", "c"] {
            assert!(shop.affiliate(&address(&who(letter))).is_some(), "{junk} {letter}");
        }
        shop.send(Lane::Live, &[json!({"type": "delete", "userId": junk})]).await;
        shop.until_idle().await;
        assert_eq!(shop.count("status_change"), 0, "a delete of {junk} concerns no person");
    }
    assert_eq!(end(&shop, 4).await, ("skipped", "blocked_identifier".to_owned()));
    let blocked = counts(&shop).await.blocked_identifiers;
    for name in ["userId undefined", "userId (only zeros)", "userId kiosk", "userId till 7"] {
        assert!(blocked.contains(&(name.to_owned(), 4)), "{name} is not in {blocked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_used_is_named_in_the_outcome_and_counted() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let mut ann = sign_up("ann");
    ann["traits"]["tags"] = json!(["gold", "vip"]);
    ann["traits"]["country"] = json!("Narnia");
    let mut bob = sign_up("bob");
    bob["traits"]["email"] = json!("bob at x.test");
    shop.send(Lane::Live, &[ann, bob, with_trait("ann", "tags", json!(["silver"]))]).await;
    shop.until_idle().await;
    let left_out = "left out: tags (nested), country (unknown_country)";
    assert_eq!(end(&shop, 1).await, ("created", left_out.to_owned()));
    assert_eq!(
        end(&shop, 2).await,
        ("remembered", "no_address; left out: email (not_an_address)".to_owned())
    );
    assert_eq!(end(&shop, 3).await, ("unchanged", "nothing_said; left out: tags (nested)".to_owned()));
    let unusable = counts(&shop).await.unusable_values;
    for (name, events) in [("tags nested", 2), ("country unknown_country", 1), ("email not_an_address", 1)] {
        assert!(unusable.contains(&(name.to_owned(), events)), "{name} is not in {unusable:?}");
    }
    let metered = shop.worker.meters.unusable_values();
    assert_eq!(metered.get(&("country".to_owned(), "unknown_country")), Some(&1));
    assert_eq!(metered.get(&("unmapped".to_owned(), "nested")), Some(&2), "a name of a trait is no label");
}

#[tokio::test(start_paused = true)]
async fn deletes_that_match_no_person_are_counted_separately() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), json!({"type": "delete", "userId": "4711"})]).await;
    shop.until_idle().await;
    shop.send(
        Lane::Live,
        &[json!({"type": "delete", "userId": "4712"}), json!({"type": "delete", "userId": "ann"})],
    )
    .await;
    shop.until_idle().await;
    assert_eq!(end(&shop, 2).await, ("deleted", "matched_nobody".to_owned()));
    assert_eq!(end(&shop, 4).await, ("deleted", String::new()));
    assert_eq!(counts(&shop).await.unmatched_deletes, 2);
}

/// Thirty equal identifies cost one refusal and one dead letter; an operator's replay tries once more.
#[tokio::test(start_paused = true)]
async fn repeats_of_a_refused_value_are_counted_by_one_dead_letter() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until_idle().await;
    let long = with_trait("ann", "company", "x".repeat(300));
    shop.send(Lane::Live, std::slice::from_ref(&long)).await;
    shop.until_idle().await;
    let edits = shop.count("edit");
    for _ in 0..29 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        shop.send(Lane::Live, std::slice::from_ref(&long)).await;
        shop.until_idle().await;
    }
    assert_eq!(shop.count("edit"), edits);
    let all = letters(&shop).await;
    assert_eq!(
        all.iter().map(|letter| (letter.state, letter.repeats)).collect::<Vec<_>>(),
        [(DeadLetterState::Open, 29)]
    );
    assert_eq!(end(&shop, 20).await, ("remembered", "refused_value".to_owned()));
    shop.replay(2, &long).await;
    shop.until_idle().await;
    assert!(shop.count("edit") > edits, "the operator replayed it");
    let all = letters(&shop).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].state, DeadLetterState::Open);
    let edits = shop.count("edit");
    shop.set(|settings| settings.rate_per_second = 19.0).await;
    shop.until("the settings are applied", async || shop.count("edit") > edits).await;
    shop.until_idle().await;
    shop.send(Lane::Live, &[with_trait("ann", "company", "Acme")]).await;
    shop.until_idle().await;
    assert_eq!(letters(&shop).await.len(), 1);
    assert_ne!(letters(&shop).await[0].state, DeadLetterState::Resolved, "Refersion does not hold its value");
}

/// A replay that a newer statement has superseded does not resolve the dead letter.
#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_resolved_only_if_refersion_holds_its_value() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let mut long = with_trait("ann", "company", "x".repeat(300));
    long["timestamp"] = json!(shop.worker.now().to_string());
    shop.send(Lane::Live, &[sign_up("ann"), long.clone()]).await;
    shop.until_idle().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    shop.send(Lane::Live, &[with_trait("ann", "company", "Acme")]).await;
    shop.until_idle().await;
    shop.replay(2, &long).await;
    shop.until_idle().await;
    assert_eq!(end(&shop, 2).await.0, "superseded");
    assert_eq!(letters(&shop).await[0].state, DeadLetterState::Discarded);
}

#[tokio::test(start_paused = true)]
async fn a_mapped_trait_is_sent_as_a_standard_field() {
    let usual = Plan::usual();
    let map = [("first_name".to_owned(), "users.first_name".to_owned())].into();
    let mut shop =
        Shop::open(Plan { settings: Settings { trait_map: map, ..usual.settings }, ..usual }).await;
    shop.reconcile();
    let traits = json!({"users.first_name": "Kim", "last_name": "Kale", "email": address("kim")});
    shop.send(Lane::Live, &[json!({"type": "identify", "userId": "kim", "traits": traits})]).await;
    shop.until_idle().await;
    let kim = serde_json::to_value(shop.affiliate(&address("kim")).expect("she has all that a create needs"))
        .unwrap();
    assert_eq!(kim["first_name"], "Kim");
    assert!(counts(&shop).await.unmapped.is_empty());
}

/// Marking a create in its graph does not clear the refusals of other persons in the same graph. Otherwise two persons
/// would clear each other's refusals again and again, and their refused values would be sent for ever.
#[tokio::test(start_paused = true)]
async fn refused_values_of_two_persons_of_one_graph_are_sent_once() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let events = ["ann", "bo"].map(|who| {
        let mut event = sign_up(who);
        event["anonymousId"] = json!("tablet");
        event["traits"]["firstName"] = json!("x".repeat(300));
        event
    });
    shop.send(Lane::Live, &events).await;
    shop.until_idle().await;
    assert_eq!(letters(&shop).await.len(), 2);
    // The refusal names no field: each create is repeated with the required fields only, and both also without the merchant
    // id.
    let creates = shop.count("new");
    assert!(creates <= 8, "{creates} creates for two persons");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(shop.count("new"), creates);
}
