//! Changed settings concern all persons, also those without new events.

use identity::graph::Lane as Due;
use identity::plan::StepKind;
use ledger::{Schedule as _, Want};
use queue::Lane;
use serde_json::Value;

use super::shop::{Plan, Shop, address, sign_up, with_trait};

#[tokio::test(start_paused = true)]
async fn a_trait_that_is_mapped_later_is_delivered_as_bulk_for_every_person_who_has_it() {
    let mut plan = Plan::usual();
    // Slow enough to see due work before it is sent.
    plan.settings.rate_per_second = 1.0;
    let mut shop = Shop::open(plan).await;
    let names: Vec<String> = (0..60).map(|number| format!("member{number}")).collect();
    let joining: Vec<Value> = names.iter().map(|name| sign_up(name)).collect();
    shop.send(Lane::Live, &joining).await;
    let plans: Vec<Value> = names.iter().map(|name| with_trait(name, "tier", "gold")).collect();
    shop.send(Lane::Live, &plans).await;
    shop.send(Lane::Live, &[sign_up("zoe")]).await;
    shop.reconcile();
    shop.until_idle().await;
    assert_eq!((shop.count("new"), shop.count("edit")), (61, 0));

    shop.set(|settings| settings.custom_fields.extend([("Tier".to_owned(), 102)])).await;
    let due = async |lane| {
        let mut want = Want::default();
        want.limits.insert((lane, StepKind::Edit), 1_000);
        shop.ledger.due(shop.id, shop.worker.now(), &want).await.expect("a ledger").len()
    };
    shop.until("the walk finds whom it concerns", async || due(Due::Bulk).await > 0).await;
    assert_eq!(due(Due::Live).await, 0);
    shop.until_idle().await;
    for name in &names {
        let tier = shop.affiliate(&address(name)).and_then(|it| it.custom_fields.get(&102).cloned());
        assert_eq!(tier.as_deref(), Some("gold"), "{name}");
    }
    assert_eq!(shop.count("new"), 61);
    let edited: usize = shop.calls()[61..]
        .iter()
        .map(|call| call.body["affiliates"].as_array().map(Vec::len).unwrap_or_default())
        .sum();
    assert_eq!(edited, 60, "no others, and none twice");
    assert_eq!(shop.count("edit"), 2);
}
