//! Deletes: affiliates are disabled, scrubbed if the settings say so, and restored if the person comes back.

use connections::{ScrubDomain, Settings};
use ledger::View as _;
use queue::Lane;
use serde_json::{Value, json};
use simulator::Status;

use super::shop::{Plan, Shop, address, sign_up, with_trait};

fn scrubbing() -> Plan {
    let usual = Plan::usual();
    let domain: ScrubDomain = serde_json::from_value(json!("gone.test")).expect("a domain");
    Plan { settings: Settings { scrub_on_delete: Some(domain), ..usual.settings }, ..usual }
}

fn leaves(who: &str) -> Value {
    json!({ "type": "delete", "userId": who })
}

#[tokio::test(start_paused = true)]
async fn a_delete_disables_the_affiliate_and_keeps_its_fields_by_default() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), sign_up("bo")]).await;
    shop.until_idle().await;
    shop.send(Lane::Live, &[leaves("ann"), leaves("bo")]).await;
    shop.until_idle().await;
    let ann = shop.affiliate(&address("ann")).expect("it keeps its address");
    assert_eq!((ann.status, ann.first_name.as_str()), (Status::Disabled, "Ann"));
    assert_eq!((shop.count("status_change"), shop.count("edit")), (1, 0), "both in one call");
}

#[tokio::test(start_paused = true)]
async fn a_scrub_leaves_nothing_of_the_person_in_refersion() {
    let mut shop = Shop::open(scrubbing()).await;
    shop.reconcile();
    shop.send(
        Lane::Live,
        &[sign_up("ann"), with_trait("ann", "vip", true), with_trait("ann", "company", "Acme")],
    )
    .await;
    shop.until_idle().await;
    let id = shop.affiliate(&address("ann")).expect("an affiliate").id;
    shop.send(Lane::Live, &[leaves("ann")]).await;
    shop.until_idle().await;
    assert!(shop.affiliate(&address("ann")).is_none());
    let nobody = shop.affiliate(&format!("deleted-{id}@gone.test")).expect("nobody in her place");
    assert_eq!(nobody.status, Status::Disabled);
    assert_eq!((nobody.first_name.as_str(), nobody.company.as_str()), ("Deleted", ""));
    assert!(nobody.custom_fields.is_empty());
}

/// A strict Refersion accepts no empty country: the field is left out and named, and all others are overwritten.
#[tokio::test(start_paused = true)]
async fn fields_that_cannot_be_scrubbed_are_named_and_the_others_overwritten() {
    let mut shop = Shop::open(scrubbing()).await;
    shop.reconcile();
    let mut ann = sign_up("ann");
    ann["traits"]["address"] = json!({ "street": "Elm 1", "city": "Bern", "country": "Switzerland" });
    ann["traits"]["phone"] = json!("0123");
    shop.send(Lane::Live, &[ann]).await;
    shop.until_idle().await;
    let id = shop.affiliate(&address("ann")).expect("an affiliate").id;
    shop.send(Lane::Live, &[leaves("ann")]).await;
    shop.until_idle().await;
    let nobody = shop.affiliate(&format!("deleted-{id}@gone.test")).expect("nobody in her place");
    let left = [&nobody.address1, &nobody.city, &nobody.phone].map(String::as_str);
    assert_eq!((left, nobody.country.as_str()), (["", "", ""], "CH"));
    assert!(shop.calls().iter().all(|call| !call.body.to_string().contains(r#""country":"""#)));
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!((counts.stuck, counts.dead_letters), ([("country".to_owned(), 1)].into(), 0));
    assert_eq!(shop.ends("ann").await.last().expect("an event").1.as_deref(), Some("not_scrubbed: country"));
}

/// The create's answer is lost, and it takes effect long after the delete searched for it.
#[tokio::test(start_paused = true)]
async fn an_affiliate_that_appears_after_its_delete_is_disabled() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.faults("late=100%:12s");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until("the create is out", async || shop.count("new") > 0).await;
    shop.faults("");
    shop.send(Lane::Live, &[leaves("ann")]).await;
    shop.until_idle().await;
    let ann = shop.affiliate(&address("ann")).expect("it appeared");
    assert_eq!(ann.status, Status::Disabled);
    assert_eq!(shop.ends("ann").await.pop().expect("the delete"), ("deleted", None));
}

/// The scrub took effect, its answer never came, and the person is back before the scrub could be repeated.
#[tokio::test(start_paused = true)]
async fn a_person_who_returns_after_an_unanswered_scrub_gets_the_address_back() {
    let mut shop = Shop::open(scrubbing()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until_idle().await;
    let id = shop.affiliate(&address("ann")).expect("an affiliate").id;
    shop.send(Lane::Live, &[leaves("ann")]).await;
    shop.until("she is disabled", async || shop.count("status_change") > 0).await;
    shop.faults("drop-after=100%");
    shop.until("the scrub is out", async || shop.affiliate(&address("ann")).is_none()).await;
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.faults("");
    shop.until_idle().await;
    let ann = shop.affiliate(&address("ann")).expect("her own address");
    assert_eq!((ann.id, ann.first_name.as_str(), ann.status), (id, "Ann", Status::Active));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_died_twice_is_superseded_by_a_delete_before_its_replay() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until_idle().await;
    let mut refused = with_trait("ann", "firstName", "x".repeat(256));
    refused["timestamp"] = shop.worker.now().to_string().into();
    shop.send(Lane::Live, &[refused.clone()]).await;
    shop.until_idle().await;
    shop.replay(2, &refused).await;
    shop.until_idle().await;
    assert_eq!(shop.states(2).await, ["created", "dead"], "Refersion takes no such name");
    shop.send(Lane::Live, &[leaves("ann")]).await;
    shop.until_idle().await;
    shop.replay(2, &refused).await;
    shop.until_idle().await;
    assert_eq!(shop.states(3).await, ["created", "superseded", "deleted"]);
}
