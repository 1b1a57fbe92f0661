//! A user who takes over an address does not take over the payout.

use connections::Registry as _;
use identity::Digest;
use ledger::{Graphs as _, View as _};
use queue::Lane;
use serde_json::{Value, json};
use worker::payout::confirmation;
use worker::rules::rules;

use super::shop::{Plan, Shop, address, sign_up, with_trait};

const VICTIM_PAYOUT: &str = "mine@pay.test";
const ATTACKER_PAYOUT: &str = "evil@pay.test";

/// Ann's affiliate, and somebody else's browser that names her address.
async fn taken_over() -> Shop {
    let mut plan = Plan::usual();
    plan.settings.paypal_trait = Some("payout".to_owned());
    let mut shop = Shop::open(plan).await;
    shop.reconcile();
    for (user, payout) in [("ann", VICTIM_PAYOUT), ("eve", ATTACKER_PAYOUT)] {
        let mut event = sign_up("ann");
        event["userId"] = user.into();
        event["traits"]["payout"] = payout.into();
        event["traits"]["company"] = user.into();
        send(&mut shop, event).await;
    }
    shop
}

async fn send(shop: &mut Shop, event: Value) {
    shop.send(Lane::Live, &[event]).await;
    shop.until_idle().await;
}

fn paid(shop: &Shop) -> String {
    shop.affiliate(&address("ann")).expect("she joined").paypal_email
}

async fn held_back(shop: &Shop) -> u64 {
    shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger").held_back
}

async fn confirm(shop: &Shop) {
    let digest = Digest(shop.worker.vault.digest(worker::translate::ADDRESS, shop.id, &address("ann")));
    let read = shop.ledger.gather(shop.id, &[digest], &[]).await.expect("a ledger").graphs.remove(0);
    let settings = shop.ledger.by_id(shop.id).await.expect("a ledger").expect("the connection").settings;
    let now = shop.worker.now();
    let (changes, _) = confirmation(shop.id, read, &rules(&settings), &[digest], now).expect("it is held");
    shop.ledger.record(changes).await.expect("nobody else writes");
}

#[tokio::test(start_paused = true)]
async fn the_victims_payout_stays_until_an_operator_confirms_the_new_one() {
    let mut shop = taken_over().await;
    let affiliate = shop.affiliate(&address("ann")).expect("she joined");
    assert_eq!(affiliate.company, "eve", "the holder has changed");
    assert_eq!((paid(&shop).as_str(), held_back(&shop).await), (VICTIM_PAYOUT, 1));
    send(&mut shop, with_trait("eve", "payout", "more@pay.test")).await;
    assert_eq!(paid(&shop), VICTIM_PAYOUT);
    assert_eq!(shop.states(3).await, ["created", "updated", "remembered"]);

    confirm(&shop).await;
    shop.until_idle().await;
    assert_eq!((paid(&shop).as_str(), held_back(&shop).await), ("more@pay.test", 0));
    assert_eq!(shop.states(3).await, ["created", "updated", "updated"]);
}

#[tokio::test(start_paused = true)]
async fn clearing_a_foreign_payout_is_held_back_and_an_own_payout_cannot_be_cleared() {
    let mut shop = taken_over().await;
    send(&mut shop, with_trait("eve", "payout", json!(null))).await;
    assert_eq!((paid(&shop).as_str(), held_back(&shop).await), (VICTIM_PAYOUT, 1));
    send(&mut shop, with_trait("ann", "payout", json!(null))).await;
    assert_eq!(
        (paid(&shop).as_str(), held_back(&shop).await),
        (VICTIM_PAYOUT, 0),
        "Refersion takes no empty address"
    );
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!(counts.stuck, [("paypal_email".to_owned(), 1)].into());
}

#[tokio::test(start_paused = true)]
async fn a_hold_ends_by_itself_when_the_payee_holds_the_address_again() {
    let mut shop = taken_over().await;
    let mut event = sign_up("ann");
    event["traits"]["payout"] = "new@pay.test".into();
    send(&mut shop, event).await;
    assert_eq!((paid(&shop).as_str(), held_back(&shop).await), ("new@pay.test", 0));
}
