//! A paused connection keeps its events, its lease and its heartbeat, and resumes by itself if it can.

use std::time::Duration;

use connections::{PausedFor, State, StateStore as _};
use jiff::SignedDuration;
use ledger::{Calls as _, DeadLetterFilter, DeadLetterState, View as _};
use queue::Lane;
use simulator::{Options, Switches};
use tokio::time::sleep;
use uuid::Uuid;
use worker::Limits;

use super::shop::{Plan, Shop, address, sign_up, with_trait};

/// Readiness counts a loop as dead if it has not run for longer than this.
const READINESS_LIMIT: SignedDuration = SignedDuration::from_secs(15);

async fn dead_letters(shop: &Shop) -> usize {
    let all = DeadLetterFilter { limit: 100, ..DeadLetterFilter::default() };
    shop.ledger.dead_letters(&all).await.expect("a ledger").len()
}

async fn pending(shop: &Shop) -> u64 {
    shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger").pending
}

#[tokio::test(start_paused = true)]
async fn revoked_keys_pause_the_connection_and_keep_its_events_until_the_keys_work_again() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.faults("credentials=bad");
    shop.reconcile();
    let many: Vec<_> = (0..30).map(|number| sign_up(&format!("member{number}"))).collect();
    shop.send(Lane::Live, &many).await;
    shop.until_state(State::Paused(PausedFor::Credentials)).await;
    let calls = shop.count("new");
    assert!(calls < 5, "{calls} calls with refused keys");
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!((pending(&shop).await, dead_letters(&shop).await), (30, 0));
    assert_eq!(shop.count("new"), calls, "no event is tried while the keys are refused");
    shop.faults("");
    shop.until_state(State::Active).await;
    shop.until_idle().await;
    assert!(shop.affiliate(&address("member29")).is_some());
}

/// A shop whose connection the breaker has paused, because all calls fail.
async fn shop_with_open_breaker() -> Shop {
    let mut shop =
        Shop::open(Plan { limits: Limits { breaker_after: 5, ..Limits::default() }, ..Plan::usual() }).await;
    shop.faults("503=100%");
    shop.reconcile();
    let many: Vec<_> = (0..30).map(|number| sign_up(&format!("member{number}"))).collect();
    shop.send(Lane::Live, &many).await;
    shop.until_state(State::Paused(PausedFor::Breaker)).await;
    shop
}

#[tokio::test(start_paused = true)]
async fn a_failing_api_pauses_the_connection_until_it_recovers() {
    let shop = shop_with_open_breaker().await;
    let before = shop.calls().len();
    sleep(Duration::from_secs(600)).await;
    let probes = shop.calls().len() - before;
    assert!((5..60).contains(&probes), "{probes} probes in ten minutes");
    shop.faults("");
    shop.until_state(State::Active).await;
    shop.until_idle().await;
    assert_eq!(dead_letters(&shop).await, 0);
}

/// An operator who resumes a connection expects calls, not the same pause at once.
#[tokio::test(start_paused = true)]
async fn a_connection_that_an_operator_resumes_after_the_breaker_is_tried_again() {
    let shop = shop_with_open_breaker().await;
    let writes = |shop: &Shop| shop.calls().iter().filter(|call| call.operation != "list").count();
    sleep(Duration::from_secs(60)).await;
    let before = writes(&shop);
    shop.ledger.resume(shop.id, None).await.expect("resumed");
    shop.until("calls go out again", async || writes(&shop) > before).await;
    shop.until_state(State::Paused(PausedFor::Breaker)).await;
    let tried = writes(&shop) - before;
    assert!(tried >= 5, "{tried} calls were enough to pause it again");
}

/// The lease holder keeps its lease and its heartbeat, also while Refersion asks to wait for hours.
#[tokio::test(start_paused = true)]
async fn a_paused_connection_keeps_its_lease_and_its_heartbeat() {
    let mut shop =
        Shop::open(Plan { limits: Limits { breaker_after: 3, ..Limits::default() }, ..Plan::usual() }).await;
    shop.faults("503=100%");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), sign_up("bo"), sign_up("cy"), sign_up("di")]).await;
    shop.until_state(State::Paused(PausedFor::Breaker)).await;
    shop.faults("429-after=100%:7200s");
    let beat = format!("reconcile {}", shop.id);
    for _ in 0..3_600 {
        sleep(Duration::from_secs(1)).await;
        let now = shop.worker.now();
        let last = *shop.worker.beats.all().get(&beat).expect("a beat");
        assert!(now.duration_since(last) < READINESS_LIMIT, "the last beat was at {last}, and it is {now}");
        let other = shop.ledger.lease(shop.id, Uuid::from_u128(7), now, Duration::from_secs(15)).await;
        assert_eq!(other.expect("a ledger"), None, "the lease ran out");
    }
    assert_eq!(shop.state().await, State::Paused(PausedFor::Breaker));
    // An operator can resume it nevertheless.
    shop.faults("");
    shop.ledger.resume(shop.id, None).await.expect("resumed");
    shop.until_idle().await;
}

fn unknown_offer() -> Plan {
    let mut plan = Plan::usual();
    plan.settings.offer = Some("99".to_owned());
    let switches = Switches { offers: [1].into(), ..Switches::default() };
    Plan { refersion: Options { switches, ..Options::default() }, ..plan }
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_fails_for_three_persons_in_a_row_pauses_the_connection_until_corrected() {
    let mut shop = Shop::open(unknown_offer()).await;
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), sign_up("bo")]).await;
    sleep(Duration::from_secs(120)).await;
    assert_eq!(shop.state().await, State::Active, "two may be a chance");
    shop.send(Lane::Live, &[sign_up("cy"), sign_up("di"), sign_up("ed")]).await;
    shop.until_state(State::Paused(PausedFor::Configuration)).await;
    let calls = shop.calls().len();
    sleep(Duration::from_secs(3_600)).await;
    let probes = shop.calls().len() - calls;
    assert!((5..40).contains(&probes), "{probes} probes in an hour");
    assert_eq!((pending(&shop).await, dead_letters(&shop).await), (5, 0));
    shop.set(|settings| settings.offer = None).await;
    shop.until_state(State::Active).await;
    shop.until_idle().await;
    assert!(shop.affiliate(&address("ed")).is_some());
}

/// A gateway that refuses one operation for a few seconds.
#[tokio::test(start_paused = true)]
async fn a_pause_ends_by_itself_when_its_cause_is_gone() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.faults("403=100%,operation=affiliate/new");
    shop.reconcile();
    let many: Vec<_> = (0..200).map(|number| sign_up(&format!("member{number}"))).collect();
    shop.send(Lane::Live, &many).await;
    shop.until_state(State::Paused(PausedFor::Configuration)).await;
    sleep(Duration::from_secs(4)).await;
    shop.faults("");
    sleep(Duration::from_secs(120)).await;
    assert_eq!(shop.state().await, State::Active);
    shop.until_idle().await;
    assert!((0..200).all(|number| shop.affiliate(&address(&format!("member{number}"))).is_some()));
    assert_eq!(dead_letters(&shop).await, 0);
}

/// If the connection is paused again at once, probes continue with longer waits, and no event dies because of them.
#[tokio::test(start_paused = true)]
async fn a_misconfiguration_of_several_days_kills_no_event() {
    let mut shop = Shop::open(unknown_offer()).await;
    shop.reconcile();
    let many: Vec<_> = (0..20).map(|number| sign_up(&format!("member{number}"))).collect();
    shop.send(Lane::Live, &many).await;
    shop.until_state(State::Paused(PausedFor::Configuration)).await;
    sleep(Duration::from_secs(3 * 86_400)).await;
    assert_eq!((pending(&shop).await, dead_letters(&shop).await), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_custom_field_that_does_not_exist_is_suspended_and_other_fields_are_sent() {
    let mut plan = Plan::usual();
    plan.settings.custom_fields.insert("plan".to_owned(), 7);
    plan.refersion.custom_fields = [(7, "another".to_owned())].into();
    let mut shop = Shop::open(plan).await;
    shop.reconcile();
    let names: Vec<String> = (0..40).map(|number| format!("member{number}")).collect();
    shop.send(Lane::Live, &names.iter().map(|name| sign_up(name)).collect::<Vec<_>>()).await;
    shop.until_idle().await;
    for name in &names {
        shop.send(Lane::Live, &[with_trait(name, "vip", true), with_trait(name, "plan", "gold")]).await;
        sleep(Duration::from_secs(2)).await;
    }
    shop.until_idle().await;
    assert_eq!(shop.state().await, State::Active);
    let dead = dead_letters(&shop).await;
    assert!(dead <= 3, "{dead} events died of a mistake in the settings");
    let gold =
        |name: &String| shop.affiliate(&address(name)).is_some_and(|it| it.custom_fields[&7] == "gold");
    assert!(names.iter().all(gold));
    assert_eq!(shop.ends("member39").await[1], ("remembered", Some("field_suspended".to_owned())));
}

/// Other values of the same events are delivered; values that are not sent are named, and no dead letter is resolved.
#[tokio::test(start_paused = true)]
async fn a_dead_letter_of_a_suspended_field_stays_open_and_unsent_fields_are_named() {
    let mut plan = Plan::usual();
    plan.refersion.custom_fields = [(7, "another".to_owned())].into();
    let mut shop = Shop::open(plan).await;
    shop.reconcile();
    let names: Vec<String> = (0..60).map(|number| format!("member{number}")).collect();
    shop.send(Lane::Live, &names.iter().map(|name| sign_up(name)).collect::<Vec<_>>()).await;
    shop.until_idle().await;
    for name in &names {
        let mut event = with_trait(name, "vip", true);
        event["traits"]["city"] = "Oslo".into();
        shop.send(Lane::Live, &[event]).await;
        sleep(Duration::from_millis(200)).await;
    }
    shop.until_idle().await;
    assert!(names.iter().all(|name| shop.affiliate(&address(name)).is_some_and(|it| it.city == "Oslo")));
    let (mut dead, mut named) = (0_usize, 0_usize);
    for name in &names {
        match shop.ends(name).await.pop().expect("an event") {
            ("dead", _) => dead += 1,
            ("updated", reason) => {
                named += usize::from(reason.as_deref() == Some("field_suspended: custom:101"));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(dead >= 3 && dead + named == 60, "{dead} died, {named} name what is not sent");
    let open = DeadLetterFilter {
        states: Some(vec![DeadLetterState::Open]),
        limit: 100,
        ..DeadLetterFilter::default()
    };
    assert_eq!(shop.ledger.dead_letters(&open).await.expect("a ledger").len(), dead);
}

/// The field is made in Refersion's dashboard; the worker is not notified.
#[tokio::test(start_paused = true)]
async fn a_suspended_field_is_sent_again_when_refersion_accepts_it() {
    let mut shop = Shop::open(Plan::usual()).await;
    shop.set(|settings| drop(settings.suspended_fields.insert(101, "no such field".to_owned()))).await;
    shop.faults("partial=100%,operation=affiliate/edit");
    shop.reconcile();
    shop.send(Lane::Live, &[sign_up("ann"), with_trait("ann", "vip", true)]).await;
    sleep(Duration::from_secs(30)).await;
    assert!(shop.affiliate(&address("ann")).expect("an affiliate").custom_fields.is_empty());
    shop.faults("");
    shop.until("it is sent", async || {
        shop.affiliate(&address("ann")).is_some_and(|it| it.custom_fields.contains_key(&101))
    })
    .await;
    shop.until_idle().await;
    assert_eq!(shop.ends("ann").await[1], ("updated", None));
}

/// Calls that were planned before the settings were corrected end after the resume, and name the offer that is gone.
#[tokio::test(start_paused = true)]
async fn a_resume_is_not_undone_by_calls_that_were_planned_before_it() {
    let mut shop = Shop::open(unknown_offer()).await;
    shop.slow_down(Duration::from_secs(4));
    shop.reconcile();
    for number in 0..40 {
        shop.send(Lane::Live, &[sign_up(&format!("member{number}"))]).await;
        sleep(Duration::from_millis(300)).await;
    }
    shop.until_state(State::Paused(PausedFor::Configuration)).await;
    shop.set(|settings| settings.offer = None).await;
    shop.ledger.resume(shop.id, None).await.expect("resumed");
    for _ in 0..1_200 {
        sleep(Duration::from_millis(100)).await;
        assert_eq!(shop.state().await, State::Active);
    }
    shop.slow_down(Duration::from_millis(50));
    shop.until_idle().await;
}
