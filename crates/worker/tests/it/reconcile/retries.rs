//! A retry is a person that stays dirty; giving up needs attempts and time; Refersion's own wish is never undercut.

use std::time::Duration;

use connections::Registry as _;
use jiff::SignedDuration;
use ledger::{DeadLetterFilter, DeadLetterState, DeadLetterView, View as _};
use queue::Lane;
use worker::{Limits, RetryPolicy};

use super::shop::{Plan, Shop, address, sign_up, with_trait};

fn giving_up_after(max_attempts: u32, max_elapsed: Duration) -> Plan {
    let retry = RetryPolicy {
        max_attempts,
        max_elapsed,
        initial: Duration::from_secs(1),
        max_interval: Duration::from_secs(60),
        ..RetryPolicy::default()
    };
    Plan { limits: Limits { retry, ..Limits::default() }, ..Plan::usual() }
}

async fn death(shop: &Shop) -> DeadLetterView {
    let all = DeadLetterFilter { limit: 10, ..DeadLetterFilter::default() };
    shop.until("an event dies", async || !shop.ledger.dead_letters(&all).await.expect("a ledger").is_empty())
        .await;
    shop.ledger.dead_letters(&all).await.expect("a ledger").remove(0)
}

#[tokio::test(start_paused = true)]
async fn attempts_that_are_used_up_are_no_reason_to_give_up_before_the_time_is() {
    let mut shop = Shop::open(giving_up_after(3, Duration::from_secs(1_800))).await;
    shop.faults("429=100%");
    shop.reconcile();
    let began = shop.worker.now();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    let letter = death(&shop).await;
    assert!(letter.died_at.duration_since(began) >= SignedDuration::from_secs(1_800), "{}", letter.died_at);
    assert!(letter.attempts > 3, "{} attempts", letter.attempts);
    assert_eq!(letter.class, "throttled");
}

#[tokio::test(start_paused = true)]
async fn time_that_is_used_up_is_no_reason_to_give_up_before_the_attempts_are() {
    let mut shop = Shop::open(giving_up_after(8, Duration::from_secs(1))).await;
    shop.faults("429=100%");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    assert_eq!(death(&shop).await.attempts, 8);
    let calls = shop.calls().len();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(shop.calls().len(), calls, "what was given up is not tried again");
}

/// Something newer is a new reason to try; what died is delivered with it.
#[tokio::test(start_paused = true)]
async fn calls_that_were_given_up_are_retried_when_something_newer_is_stated() {
    let mut shop = Shop::open(giving_up_after(2, Duration::from_secs(1))).await;
    shop.faults("429=100%");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    death(&shop).await;
    shop.faults("");
    shop.send(Lane::Live, &[with_trait("ann", "company", "Acme")]).await;
    shop.until_idle().await;
    assert_eq!(shop.affiliate(&address("ann")).map(|ann| ann.company), Some("Acme".to_owned()));
    let letter = death(&shop).await;
    assert_eq!(letter.state, DeadLetterState::Resolved);
    assert!(letter.resolved_by.is_some_and(|newer| newer != letter.event), "the newer event is named");
}

/// What was learned outlives the process that learned it, however that ends.
#[tokio::test(start_paused = true)]
async fn the_rate_that_the_api_bears_is_remembered_while_it_is_learned() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.faults("limit=5..5");
    shop.reconcile();
    let many: Vec<_> = (0..400).map(|number| sign_up(&format!("member{number}"))).collect();
    shop.send(Lane::Bulk, &many).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(shop.affiliate(&address("member399")).is_none(), "it is still at work");
    let connection = shop.ledger.by_id(shop.id).await.expect("a ledger").expect("the connection");
    let learned = connection.learned_rate.expect("a rate");
    assert!((1.0..10.0).contains(&learned), "{learned} calls a second, and the API bears 5");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_kept_to_by_every_call_of_the_connection() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.faults("429-after=100%:300s");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until("Refersion is asked", async || shop.count("new") > 0).await;
    // The answer is on its way; from then on no call asks for five minutes.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = shop.calls().len();
    shop.send(Lane::Live, &[sign_up("bo")]).await;
    tokio::time::sleep(Duration::from_secs(298)).await;
    assert_eq!(shop.calls().len(), asked);
    shop.faults("");
    shop.until_idle().await;
    let next = shop.calls()[asked].at;
    let last = shop.calls()[asked - 1].at;
    assert!(next >= last + Duration::from_secs(300), "{next:?} after {last:?}");
}

/// A create marks its graph before it goes out. What was refused for another person in it stays refused all the same.
#[tokio::test(start_paused = true)]
async fn a_refused_name_is_not_sent_again_because_another_person_of_the_same_graph_is_to_be_created() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    let mut tries = Vec::new();
    for who in ["ann", "bo", "cy"] {
        let mut event = sign_up(who);
        event["anonymousId"] = "tablet".into();
        event["traits"]["firstName"] = "x".repeat(256).into();
        shop.send(Lane::Live, &[event]).await;
        shop.until_idle().await;
        tries.push(shop.count("new"));
    }
    assert_eq!(shop.states(3).await, ["dead", "dead", "dead"], "Refersion takes no such name");
    let more = |two: &[usize]| two[1] - two[0];
    assert!(
        tries.windows(2).map(more).all(|more| more <= tries[0]),
        "{tries:?}: no more for one than for another"
    );
}
