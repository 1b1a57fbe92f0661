//! Where the API keeps up, a batch goes through both stories and is recorded once.

use std::time::Duration;

use ledger::Ledger as _;
use queue::Lane;
use serde_json::Value;
use tokio::time::sleep;

use super::shop::{Plan, Shop, address, joins, says};

/// A shop whose members are affiliates, and everybody's flag.
async fn shop_with(members: usize) -> (Shop, Vec<Value>) {
    let mut shop = Shop::open(Plan::usual()).await;
    let names: Vec<String> = (0..members).map(|number| format!("member{number}")).collect();
    shop.say(Lane::Bulk, &names.iter().map(|name| joins(name)).collect::<Vec<_>>()).await;
    shop.reconcile();
    shop.until_it_rests().await;
    sleep(Duration::from_secs(5)).await;
    let flags = names.iter().map(|name| says(name, "vip", true)).collect();
    (shop, flags)
}

async fn pending(shop: &Shop) -> u64 {
    shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger").pending
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_is_told_before_it_is_recorded_and_ends_at_once() {
    let (mut shop, flags) = shop_with(50).await;
    shop.say(Lane::Bulk, &flags).await;
    assert_eq!((shop.count("edit"), pending(&shop).await), (1, 0));
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!((counts.outcomes.get("updated"), counts.dirty), (Some(&50), 0));
    for number in 0..50 {
        let affiliate = shop.affiliate(&address(&format!("member{number}"))).expect("an affiliate");
        assert_eq!(affiliate.custom_fields.get(&101).map(String::as_str), Some("true"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_not_full_waits_for_company() {
    let (mut shop, flags) = shop_with(49).await;
    shop.say(Lane::Bulk, &flags).await;
    assert_eq!((shop.count("edit"), pending(&shop).await), (0, 49));
    shop.until_it_rests().await;
    assert_eq!(shop.count("edit"), 1);
}

#[tokio::test(start_paused = true)]
async fn no_message_is_held_while_an_answer_is_long_in_coming() {
    let (mut shop, flags) = shop_with(50).await;
    shop.slow_down(Duration::from_secs(6));
    shop.say(Lane::Bulk, &flags).await;
    let depth = shop.worker.queue.depth().await.expect("a queue");
    assert_eq!((depth.bulk, shop.count("edit"), pending(&shop).await), (0, 1, 50));
    shop.until_it_rests().await;
    assert_eq!(shop.count("edit"), 1, "what is under way is not sent again");
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!(counts.outcomes.get("updated"), Some(&50));
}

#[tokio::test(start_paused = true)]
async fn what_refersion_does_not_take_is_tried_again_like_any_other() {
    let (mut shop, flags) = shop_with(50).await;
    shop.faults("503=100%");
    shop.say(Lane::Bulk, &flags).await;
    assert_eq!(pending(&shop).await, 50, "they are recorded, and nothing else");
    shop.faults("");
    shop.until_it_rests().await;
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!((counts.outcomes.get("updated"), counts.dead_letters), (Some(&50), 0));
}
