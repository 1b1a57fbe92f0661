//! A jump of the clock deletes next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use identity::Digest;
use identity::graph::Lane;
use jiff::{SignedDuration, Timestamp};
use ledger::{Changes, Graphs as _, Housekeeping as _, NewEvent, Outcome, State, View as _};
use uuid::Uuid;
use worker::housekeeping::Sweeper;

use super::shop::{Plan, Shop};

/// Days for which outcomes are kept.
const RETENTION_DAYS: i64 = 30;

/// A shop with events that ended on each of the last [`RETENTION_DAYS`] days, and hours by which its clock is wrong.
async fn shop_with_old_events() -> (Shop, Arc<AtomicI64>) {
    let mut shop = Shop::open(Plan::usual()).await;
    let (right, wrong) = (Arc::clone(&shop.worker.clock), Arc::new(AtomicI64::new(0)));
    let hours = Arc::clone(&wrong);
    shop.worker.clock = Arc::new(move || right() + SignedDuration::from_hours(hours.load(Ordering::SeqCst)));
    let now = shop.worker.now();
    for day in 0..RETENTION_DAYS {
        let at = now - SignedDuration::from_hours(24 * day);
        shop.ledger.record(ended(shop.id, day, at)).await.expect("recorded");
    }
    (shop, wrong)
}

fn ended(connection: i64, number: i64, at: Timestamp) -> Changes {
    let id = Uuid::from_u128(u128::try_from(number + 1).expect("a small number"));
    let event = NewEvent {
        event: id,
        kind: "identify".to_owned(),
        received_at: at,
        lane: Lane::Live,
        payload: "{}".into(),
        found_by: vec![Digest(id.into_bytes())],
    };
    let outcome = Outcome { event: id, number: 1, state: State::Skipped, reason: None, affiliate: None, at };
    Changes { connection, events: vec![event], outcomes: vec![outcome], ..Changes::default() }
}

/// Sweeps every second for a while, which is more often than a worker does; returns the number of events that are left.
async fn sweep_for(shop: &Shop, sweeper: &mut Sweeper, seconds: u64) -> u64 {
    for _ in 0..seconds {
        sweeper.sweep(&shop.worker).await.expect("swept");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let counts = shop.ledger.counts(None, shop.worker.now()).await.expect("counted");
    counts.outcomes.values().sum()
}

#[tokio::test(start_paused = true)]
async fn a_clock_a_hundred_days_ahead_for_a_minute_erases_nothing() {
    for restarted in [false, true] {
        let (shop, wrong) = shop_with_old_events().await;
        let mut sweeper = Sweeper::default();
        assert_eq!(sweep_for(&shop, &mut sweeper, 5).await, 30);
        if restarted {
            sweeper = Sweeper::default();
        }
        wrong.store(24 * 100, Ordering::SeqCst);
        assert_eq!(sweep_for(&shop, &mut sweeper, 75).await, 30);
        wrong.store(0, Ordering::SeqCst);
        assert_eq!(sweep_for(&shop, &mut sweeper, 5).await, 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_an_operator_confirms_is_trusted() {
    let (shop, wrong) = shop_with_old_events().await;
    let mut sweeper = Sweeper::default();
    assert_eq!(sweep_for(&shop, &mut sweeper, 1).await, 30);
    wrong.store(24 * 10, Ordering::SeqCst);
    assert_eq!(sweep_for(&shop, &mut sweeper, 1).await, 30);
    shop.ledger.set_swept(shop.worker.now()).await.expect("confirmed");
    assert_eq!(sweep_for(&shop, &mut sweeper, 1).await, 20);
}

#[tokio::test(start_paused = true)]
async fn events_that_expire_by_a_correct_clock_are_removed() {
    let (shop, wrong) = shop_with_old_events().await;
    let mut sweeper = Sweeper::default();
    for day in 0..5 {
        wrong.store(24 * day, Ordering::SeqCst);
        sweep_for(&shop, &mut sweeper, 1).await;
    }
    assert!(sweep_for(&shop, &mut sweeper, 1).await <= 26);
}
