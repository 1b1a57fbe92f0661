//! Events that an operator repairs: they replace their former versions.

use ledger::{DeadLetterFilter, DeadLetterState, DeadLetterView, Repairs as _, View as _};
use queue::Lane;
use serde_json::{Value, json};
use uuid::Uuid;
use worker::translate::Translator;

use super::shop::{Plan, Shop};

impl Shop {
    /// The same after an operator has repaired it, which is stored first.
    async fn replay_repaired(&mut self, number: u128, event: &Value, revision: u32) {
        self.repair(number, event, revision).await;
        self.resend(number, event, revision).await;
    }

    /// An operator repairs the event of a dead letter.
    async fn repair(&self, number: u128, event: &Value, revision: u32) {
        let filter = ledger::DeadLetterFilter { limit: 100, ..ledger::DeadLetterFilter::default() };
        let letters = self.ledger.dead_letters(&filter).await.expect("a ledger");
        let letter =
            letters.iter().find(|letter| letter.event == Uuid::from_u128(number)).expect("it died").id;
        let act = ledger::Act {
            at: self.worker.now(),
            actor: "ann".to_owned(),
            selector: format!("id:{letter}"),
            reason: None,
        };
        let payload = event.to_string();
        let read = segment::read(payload.as_bytes(), self.worker.now()).expect("a good event");
        let named = Translator { vault: &self.worker.vault, connection: self.id }.names(&read);
        let stated_at = read.time().into();
        let repair = ledger::NewRevision { letter, expected: revision - 1, payload, named, stated_at };
        let stored = self.ledger.repair(&[repair], &act).await.expect("stored");
        assert_eq!(stored, [ledger::Stored::As(revision)]);
    }
}

async fn letters(shop: &Shop) -> Vec<DeadLetterView> {
    let all = DeadLetterFilter { limit: 100, ..DeadLetterFilter::default() };
    shop.ledger.dead_letters(&all).await.expect("a ledger")
}

fn sign_up(traits: &Value) -> Value {
    let time = "2026-01-02T03:00:00Z";
    json!({"type": "identify", "userId": "ann", "timestamp": time, "traits": traits})
}

/// Sends an event with a value that is refused, and repairs it.
async fn repaired(former: &Value, repaired: &Value) -> Shop {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, std::slice::from_ref(former)).await;
    shop.until_idle().await;
    assert_eq!(shop.states(1).await, ["dead"]);
    shop.replay_repaired(1, repaired, 1).await;
    shop.until_idle().await;
    shop
}

fn too_long() -> String {
    "x".repeat(2_000)
}

#[tokio::test(start_paused = true)]
async fn a_repaired_event_is_delivered_and_its_dead_letter_resolved() {
    let name =
        json!({"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee", "company": too_long()});
    let better = json!({"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee", "company": "Lee"});
    let shop = repaired(&sign_up(&name), &sign_up(&better)).await;
    let ann = shop.affiliate("ann@example.com").expect("created");
    assert_eq!(ann.company, "Lee");
    assert_eq!(letters(&shop).await[0].state, DeadLetterState::Resolved);
}

/// The former version had the same time and the same message; its statements have to lose, whatever their values.
#[tokio::test(start_paused = true)]
async fn a_repaired_value_replaces_the_former_one_and_keeps_its_time() {
    let event = |company: &str, first: &str| {
        sign_up(
            &json!({"email": "ann@example.com", "firstName": first, "lastName": "Lee", "company": company}),
        )
    };
    let mut shop = repaired(&event(&too_long(), "Zoe"), &event("Lee", "Ann")).await;
    let first = |shop: &Shop| shop.affiliate("ann@example.com").expect("created").first_name;
    assert_eq!(first(&shop), "Ann");
    let newer = json!({"type": "identify", "userId": "ann", "timestamp": "2026-01-02T03:01:00Z", "traits": {"firstName": "Anna"}});
    shop.send(Lane::Live, &[newer]).await;
    shop.until_idle().await;
    assert_eq!(first(&shop), "Anna", "what was stated later wins");
}

/// A value that the repaired version leaves out is not stated any longer.
#[tokio::test(start_paused = true)]
async fn values_that_a_repair_removes_are_not_sent() {
    let former = json!({"email": "ann@example.com", "company": too_long(), "phone": "555"});
    let shop = repaired(
        &sign_up(&former),
        &sign_up(&json!({"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"})),
    )
    .await;
    let ann = shop.affiliate("ann@example.com").expect("created");
    assert_eq!((ann.company.as_str(), ann.phone.as_str()), ("", ""));
}

/// An event that names an address alone is about another person once the address is repaired: nothing is left behind.
#[tokio::test(start_paused = true)]
async fn a_repaired_address_belongs_to_another_person() {
    let event = |email: &str, company: &str| {
        json!({"type": "identify", "timestamp": "2026-01-02T03:00:00Z",
            "traits": {"email": email, "firstName": "Ann", "lastName": "Lee", "company": company}})
    };
    let mut shop = Shop::open(Plan::usual()).await;
    shop.send(Lane::Live, &[event("ann@exmaple.com", &too_long())]).await;
    assert_eq!(shop.states(1).await, ["dead"]);
    shop.replay_repaired(1, &event("ann@example.com", "Lee"), 1).await;
    shop.reconcile();
    shop.until_idle().await;
    assert_eq!(shop.states(1).await, ["created"]);
    assert!(shop.affiliate("ann@example.com").is_some());
    assert!(shop.affiliate("ann@exmaple.com").is_none(), "the former address has no events");
    assert_eq!(letters(&shop).await[0].state, DeadLetterState::Resolved);
}

/// Nobody has replayed the repair yet, so that no graph has the new address.
#[tokio::test(start_paused = true)]
async fn a_delete_of_a_repaired_address_erases_the_repair() {
    let event = |email: &str, company: &str| {
        json!({"type": "identify", "timestamp": "2026-01-02T03:00:00Z",
            "traits": {"email": email, "company": company}})
    };
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[event("ann@exmaple.com", &too_long())]).await;
    assert_eq!(shop.states(1).await, ["dead"]);
    shop.repair(1, &event("ann@example.com", "Lee"), 1).await;
    let delete = json!({"type": "delete", "traits": {"email": "ann@example.com"}});
    shop.send(Lane::Live, &[delete]).await;
    shop.until_idle().await;
    let letter = letters(&shop).await.remove(0);
    assert_eq!((letter.state, &letter.payload), (DeadLetterState::Discarded, &None));
    assert_eq!(shop.ledger.revisions(letter.id).await.expect("a ledger")[0].payload, None);
}

/// A queue may deliver a replay twice, so that the former version is pending again when the repaired one comes.
#[tokio::test(start_paused = true)]
async fn a_repaired_version_is_taken_while_the_former_one_is_pending() {
    let event = |email: &str| sign_up(&json!({"email": email, "firstName": "Ann", "lastName": "Lee"}));
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    // The reader accepts this as an address; Refersion does not.
    shop.send(Lane::Live, &[event("ann@-x.org")]).await;
    shop.until_idle().await;
    assert_eq!(shop.states(1).await, ["dead"]);
    shop.end_reconcile().await;
    shop.resend(1, &event("ann@-x.org"), 0).await;
    assert_eq!(shop.states(1).await, ["pending"]);
    for _ in 0..2 {
        shop.resend(1, &event("ann@example.com"), 1).await;
    }
    shop.reconcile();
    shop.until_idle().await;
    assert_eq!(shop.states(1).await, ["created"]);
    assert!(shop.affiliate("ann@example.com").is_some());
    assert_eq!(letters(&shop).await[0].state, DeadLetterState::Resolved);
}

/// Its statements are in the graph of the waiting person, where a delete finds them; nothing else is stored.
#[tokio::test(start_paused = true)]
async fn a_repaired_event_that_waits_for_its_person_leaves_no_payload() {
    let event = |company: &str| {
        json!({"type": "identify", "anonymousId": "x", "timestamp": "2026-01-02T03:00:00Z",
            "traits": {"company": company}})
    };
    let mut shop = repaired(&event(&too_long()), &event("Lee")).await;
    assert_eq!(shop.states(1).await, ["remembered"]);
    let letter = letters(&shop).await.remove(0);
    assert_eq!(letter.state, DeadLetterState::Replaying);
    assert_eq!(shop.ledger.revisions(letter.id).await.expect("a ledger")[0].payload, None);
    assert!(shop.ledger.payloads(letter.event).await.expect("a ledger").is_empty());

    let known = json!({"type": "identify", "anonymousId": "x", "userId": "ann",
        "timestamp": "2026-01-02T03:01:00Z",
        "traits": {"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"}});
    shop.send(Lane::Live, &[known]).await;
    shop.until_idle().await;
    assert_eq!(shop.affiliate("ann@example.com").expect("created").company, "Lee");
    assert_eq!(letters(&shop).await[0].state, DeadLetterState::Resolved);
}
