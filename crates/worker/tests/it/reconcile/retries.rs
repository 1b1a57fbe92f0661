//! Retries: a person stays dirty until it is done; giving up needs attempts and time; `Retry-After` is never undercut.

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

async fn first_dead_letter(shop: &Shop) -> DeadLetterView {
    let all = DeadLetterFilter { limit: 10, ..DeadLetterFilter::default() };
    shop.until("an event dies", async || !shop.ledger.dead_letters(&all).await.expect("a ledger").is_empty())
        .await;
    shop.ledger.dead_letters(&all).await.expect("a ledger").remove(0)
}

#[tokio::test(start_paused = true)]
async fn used_up_attempts_do_not_end_retries_before_the_time_is_used_up() {
    let mut shop = Shop::open(giving_up_after(3, Duration::from_secs(1_800))).await;
    shop.faults("429=100%");
    shop.reconcile();
    let began = shop.worker.now();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    let letter = first_dead_letter(&shop).await;
    assert!(letter.died_at.duration_since(began) >= SignedDuration::from_secs(1_800), "{}", letter.died_at);
    assert!(letter.attempts > 3, "{} attempts", letter.attempts);
    assert_eq!(letter.class, "throttled");
}

#[tokio::test(start_paused = true)]
async fn used_up_time_does_not_end_retries_before_the_attempts_are_used_up() {
    let mut shop = Shop::open(giving_up_after(8, Duration::from_secs(1))).await;
    shop.faults("429=100%");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    assert_eq!(first_dead_letter(&shop).await.attempts, 8);
    let calls = shop.calls().len();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(shop.calls().len(), calls, "what was given up is not tried again");
}

/// A newer statement is a new reason to try; the values of the dead event are delivered with it.
#[tokio::test(start_paused = true)]
async fn given_up_calls_are_retried_after_a_newer_statement() {
    let mut shop = Shop::open(giving_up_after(2, Duration::from_secs(1))).await;
    shop.faults("429=100%");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    first_dead_letter(&shop).await;
    shop.faults("");
    shop.send(Lane::Live, &[with_trait("ann", "company", "Acme")]).await;
    shop.until_idle().await;
    assert_eq!(shop.affiliate(&address("ann")).map(|ann| ann.company), Some("Acme".to_owned()));
    let letter = first_dead_letter(&shop).await;
    assert_eq!(letter.state, DeadLetterState::Resolved);
    assert!(letter.resolved_by.is_some_and(|newer| newer != letter.event), "the newer event is named");
}

/// The learned rate outlives the process that learned it, however that process ends.
#[tokio::test(start_paused = true)]
async fn the_learned_rate_is_stored_while_it_is_learned() {
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
async fn every_call_of_a_connection_honours_retry_after() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.faults("429-after=100%:300s");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann")]).await;
    shop.until("Refersion is asked", async || shop.count("new") > 0).await;
    // The answer is on its way; after it no call is made for five minutes.
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

/// A create marks its graph before it is sent. The refused values of other persons in the graph stay suppressed.
#[tokio::test(start_paused = true)]
async fn a_create_in_the_same_graph_does_not_resend_the_refused_name_of_another_person() {
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
