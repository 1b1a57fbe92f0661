//! The fast path: if the API keeps up, a batch passes through absorb and reconcile and is recorded once.

use std::sync::Arc;
use std::time::Duration;

use connections::{PausedFor, StateStore as _};
use identity::Digest;
use ledger::plans::{Frame, ItemChange, ItemState, NewItem, PlanChange, PlanFilter};
use ledger::{
    CallItem, Calls as _, DeadLetterFilter, Fence, OpenCall, PlanId, PlanItems as _, PlanState, Plans as _,
    View as _,
};
use queue::Lane;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::shop::{Plan, Shop, address, sign_up, with_trait};
use crate::sim::dice::Dice;
use crate::sim::process::{Process, State};
use crate::sim::store_port::StorePort;

/// The longest time for which a message stays unacknowledged.
const LONGEST_UNACKNOWLEDGED: Duration = Duration::from_secs(2);

/// How long a replay plan can run.
const DAY: Duration = Duration::from_secs(86_400);

/// A shop whose members are affiliates, and a flag for each of them.
async fn shop_with(members: usize) -> (Shop, Vec<Value>) {
    let shop = Shop::open(Plan::usual()).await;
    shop.reconcile();
    with_members(shop, members).await
}

async fn with_members(mut shop: Shop, members: usize) -> (Shop, Vec<Value>) {
    let names: Vec<String> = (0..members).map(|number| format!("member{number}")).collect();
    shop.send(Lane::Bulk, &names.iter().map(|name| sign_up(name)).collect::<Vec<_>>()).await;
    shop.until_idle().await;
    sleep(Duration::from_secs(5)).await;
    let flags = names.iter().map(|name| with_trait(name, "vip", true)).collect();
    (shop, flags)
}

async fn pending(shop: &Shop) -> u64 {
    shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger").pending
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_is_sent_before_it_is_recorded_and_ends_at_once() {
    let (mut shop, flags) = shop_with(50).await;
    shop.send(Lane::Bulk, &flags).await;
    assert_eq!((shop.count("edit"), pending(&shop).await), (1, 0));
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!((counts.outcomes.get("updated"), counts.dirty), (Some(&50), 0));
    for number in 0..50 {
        let affiliate = shop.affiliate(&address(&format!("member{number}"))).expect("an affiliate");
        assert_eq!(affiliate.custom_fields.get(&101).map(String::as_str), Some("true"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_partial_batch_waits_for_the_batching_delay() {
    let (mut shop, flags) = shop_with(49).await;
    shop.send(Lane::Bulk, &flags).await;
    assert_eq!((shop.count("edit"), pending(&shop).await), (0, 49));
    shop.until_idle().await;
    assert_eq!(shop.count("edit"), 1);
}

#[tokio::test(start_paused = true)]
async fn messages_are_acknowledged_before_a_slow_answer_arrives() {
    let (mut shop, flags) = shop_with(50).await;
    shop.slow_down(Duration::from_secs(6));
    shop.send(Lane::Bulk, &flags).await;
    let depth = shop.worker.queue.depth().await.expect("a queue");
    assert_eq!((depth.bulk, shop.count("edit"), pending(&shop).await), (0, 1, 50));
    shop.until_idle().await;
    assert_eq!(shop.count("edit"), 1, "what is under way is not sent again");
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!(counts.outcomes.get("updated"), Some(&50));
}

#[tokio::test(start_paused = true)]
async fn rejected_edits_of_the_fast_path_are_retried_as_usual() {
    let (mut shop, flags) = shop_with(50).await;
    shop.faults("503=100%");
    shop.send(Lane::Bulk, &flags).await;
    assert_eq!(pending(&shop).await, 50, "they are recorded, and nothing else");
    shop.faults("");
    shop.until_idle().await;
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!((counts.outcomes.get("updated"), counts.dead_letters), (Some(&50), 0));
}

/// The lease holder may learn of a pause after absorb has offered it a batch.
#[tokio::test(start_paused = true)]
async fn a_batch_offered_at_the_start_of_a_pause_does_not_wait_for_its_end() {
    let mut shop = Shop::open(Plan::usual()).await;
    let process = Process::new(0, Dice::new(1), Arc::default());
    let store = StorePort { process: Arc::clone(&process), inner: shop.ledger.clone() };
    let all_see_it = std::mem::replace(&mut shop.worker.connections, Arc::new(store));
    shop.reconcile();
    shop.worker.connections = all_see_it;
    let (mut shop, flags) = with_members(shop, 50).await;
    // Reconcile cannot read the connections until the batch has been offered.
    process.set_state(State::Frozen);
    sleep(Duration::from_secs(2)).await;
    shop.ledger.pause(shop.id, PausedFor::Operator, "", shop.worker.now()).await.expect("paused");
    let offered_meanwhile = async {
        sleep(Duration::from_millis(100)).await;
        process.set_state(State::Alive);
    };
    let (sent, ()) =
        tokio::join!(timeout(LONGEST_UNACKNOWLEDGED, shop.send(Lane::Bulk, &flags)), offered_meanwhile);
    sent.expect("absorb goes on");
    assert_eq!((shop.count("edit"), pending(&shop).await), (0, 50));
    shop.ledger.resume(shop.id, None).await.expect("resumed");
    shop.until_idle().await;
    let counts = shop.ledger.counts(Some(shop.id), shop.worker.now()).await.expect("a ledger");
    assert_eq!(counts.outcomes.get("updated"), Some(&50));
}

/// A running replay plan whose dead letters are all released.
async fn with_a_plan(shop: &Shop) -> PlanId {
    let (now, all) = (shop.worker.now(), DeadLetterFilter { limit: 100, ..DeadLetterFilter::default() });
    let plan = shop.ledger.create_plan(&Frame::default(), now, now + DAY).await.expect("made");
    let letters = shop.ledger.plan_candidates(&all).await.expect("listed");
    let released =
        letters.iter().map(|it| ItemChange::to(it.letter, ItemState::Released, "")).collect::<Vec<_>>();
    let items: Vec<NewItem> = letters.into_iter().map(NewItem::planned).collect();
    shop.ledger.add_plan_items(plan, &items, now + DAY).await.expect("added");
    let runs = PlanChange::to(&[PlanState::Planning], PlanState::Running);
    assert!(shop.ledger.change_plan(plan, &runs).await.expect("changed"));
    shop.ledger.change_plan_items(plan, None, &released).await.expect("released");
    plan
}

/// A call that a killed worker left open counts as repeated, in whichever way it is sent again.
#[tokio::test(start_paused = true)]
async fn a_plan_counts_a_repeated_call_on_the_fast_path() {
    let (mut shop, flags) = shop_with(50).await;
    shop.send(Lane::Live, &[with_trait("member7", "company", "x".repeat(2_000))]).await;
    shop.until_idle().await;
    let plan = with_a_plan(&shop).await;
    shop.end_reconcile().await;
    let (now, lasts) = (shop.worker.now(), Duration::from_secs(10));
    let killed =
        shop.ledger.lease(shop.id, Uuid::from_u128(9), now, lasts).await.expect("asked").expect("free");
    let anchor = Digest(shop.worker.vault.digest(worker::translate::ADDRESS, shop.id, &address("member7")));
    let items = vec![CallItem { anchor, affiliate: Some(1), fields: Vec::new() }];
    let open = OpenCall { id: 0, operation: "edit".to_owned(), started_at: now, items };
    shop.ledger.open_calls(shop.id, Fence { token: killed.token }, &[open]).await.expect("written down");
    shop.reconcile();
    sleep(Duration::from_secs(30)).await;
    let repeated = async |shop: &Shop| {
        let plans = shop.ledger.plans(&PlanFilter::one(plan), shop.worker.now()).await.expect("read");
        plans[0].repeated_calls
    };
    let edits = shop.count("edit");
    assert_eq!(repeated(&shop).await, 0, "nothing was sent again yet");
    shop.send(Lane::Bulk, &flags).await;
    assert_eq!((shop.count("edit"), pending(&shop).await), (edits + 1, 0), "it went the fast way");
    assert_eq!(repeated(&shop).await, 1);
}
