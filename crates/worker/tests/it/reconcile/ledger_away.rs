//! A failure of the ledger that passes costs no answer: calls under way are awaited, and what they answered is recorded under the
//! same lease once the ledger works again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use queue::Lane;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use worker::{Limits, RetryPolicy};

use super::shop::{Plan, Shop, sign_up, with_trait};
use crate::sim::check::rows;
use crate::sim::dice::Dice;
use crate::sim::ledger_port::{LedgerPort, Watch};
use crate::sim::life::{Life, Storm};
use crate::sim::plant::Plant;
use crate::sim::store_port::StorePort;

/// How long an outage lasts at most if the lease is to be kept: it is renewed every 2 s for 15 s.
const SHORT: Duration = Duration::from_secs(12);

/// A shop, and what becomes of its worker's way to the ledger.
struct Away {
    shop: Shop,
    storm: Arc<Mutex<Storm>>,
    unheard: Arc<AtomicUsize>,
}

impl Away {
    async fn open(plan: Plan) -> Self {
        let mut shop = Shop::open(plan).await;
        let (storm, unheard) = <(Arc<Mutex<Storm>>, Arc<AtomicUsize>)>::default();
        let life = Life::new(0, Dice::new(1), Arc::clone(&storm));
        let watch = Watch {
            memory: shop.file.clone(),
            seen: Arc::default(),
            conflicts: Arc::default(),
            versions: Arc::default(),
        };
        let (inner, plant) = (shop.ledger.clone(), Plant::Nothing);
        let port = LedgerPort {
            life: Arc::clone(&life),
            inner: inner.clone(),
            plant,
            watch,
            before_recording: None,
            unheard: Arc::clone(&unheard),
        };
        shop.worker.ledger = Arc::new(port);
        shop.worker.connections = Arc::new(StorePort { life, inner });
        shop.reconcile();
        Self { shop, storm, unheard }
    }

    /// Nothing can be read or written from now on for so long.
    fn goes_away(&self, time: Duration) {
        self.storm.lock().outage_until = Some(Instant::now() + time);
    }

    /// Number of the next recordings that are committed without an answer.
    fn goes_unheard(&self, times: usize) {
        self.unheard.store(times, Ordering::Relaxed);
    }

    /// Who serves the connection, by the token of the lease.
    async fn token(&self) -> i64 {
        let rows = rows(&self.shop.file, "SELECT token FROM leases").await;
        rows[0][0].parse().expect("a token")
    }

    /// Waits until the calls of an operation are out, with their answers still to come.
    async fn until_sent(&self, operation: &str, calls: usize) {
        self.shop.until("the calls are out", async || self.shop.count(operation) == calls).await;
    }

    async fn attempts(&self, who: &str) -> usize {
        self.shop.events_of(who).await.iter().map(|view| view.attempts.len()).sum()
    }
}

fn three() -> Vec<Value> {
    ["ann", "bo", "cy"].map(sign_up).to_vec()
}

async fn all_created(shop: &Shop) {
    for who in ["ann", "bo", "cy"] {
        assert_eq!(shop.ends(who).await, [("created", None)], "{who}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_while_the_ledger_is_away_are_recorded_when_it_is_back() {
    let mut away = Away::open(Plan::usual()).await;
    away.shop.slow_down(Duration::from_secs(3));
    away.shop.send(Lane::Live, &three()).await;
    away.until_sent("new", 3).await;
    let token = away.token().await;
    away.goes_away(SHORT);
    away.shop.until_idle().await;
    all_created(&away.shop).await;
    assert_eq!((away.shop.count("new"), away.shop.count("search")), (3, 0), "no answer was lost");
    assert_eq!(away.token().await, token, "the lease is kept");
}

#[tokio::test(start_paused = true)]
async fn answers_are_recorded_though_the_lease_could_not_be_renewed_in_time_if_no_other_worker_took_it() {
    let mut away = Away::open(Plan::usual()).await;
    away.shop.slow_down(Duration::from_secs(3));
    away.shop.send(Lane::Live, &three()).await;
    away.until_sent("new", 3).await;
    away.goes_away(Duration::from_secs(90));
    away.shop.until_idle().await;
    all_created(&away.shop).await;
    assert_eq!((away.shop.count("new"), away.shop.count("search")), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_without_a_report_is_not_recorded_twice() {
    let retry = RetryPolicy { initial: Duration::from_secs(10), ..RetryPolicy::default() };
    let limits = Limits { retry, ..Limits::default() };
    let mut away = Away::open(Plan { limits, ..Plan::usual() }).await;
    away.shop.faults("429=100%");
    away.shop.slow_down(Duration::from_secs(1));
    away.shop.send(Lane::Live, &[sign_up("ann")]).await;
    away.until_sent("new", 1).await;
    away.goes_unheard(1);
    sleep(Duration::from_secs(3)).await;
    assert_eq!((away.attempts("ann").await, away.shop.count("new")), (1, 1));
    away.shop.faults("");
    away.shop.until_idle().await;
    assert_eq!((away.attempts("ann").await, away.shop.count("new")), (1, 2));
}

/// Calls that may have been written down without a report are settled by the next holder, also where that is the same worker.
#[tokio::test(start_paused = true)]
async fn calls_under_way_are_awaited_where_others_may_have_been_written_down_in_vain() {
    let mut away = Away::open(Plan::usual()).await;
    away.shop.send(Lane::Live, &[sign_up("di")]).await;
    away.shop.until_idle().await;
    let (token, edits) = (away.token().await, away.shop.count("edit"));
    away.shop.slow_down(Duration::from_secs(3));
    away.shop.send(Lane::Live, &three()).await;
    away.until_sent("new", 4).await;
    away.goes_unheard(1);
    away.shop.send(Lane::Live, &[with_trait("di", "company", "Acme")]).await;
    away.shop.until_idle().await;
    all_created(&away.shop).await;
    assert!(away.token().await > token, "the lease was taken again");
    assert_eq!((away.shop.count("new"), away.shop.count("search")), (4, 0), "no answer was lost");
    assert_eq!(away.shop.count("edit"), edits + 1);
    let open = rows(&away.shop.file, "SELECT id FROM calls").await;
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_on_the_fast_path_keeps_its_answers_too() {
    let mut away = Away::open(Plan::usual()).await;
    away.shop.absorb();
    let names: Vec<String> = (0..50).map(|number| format!("member{number}")).collect();
    away.shop.accept(Lane::Bulk, &names.iter().map(|name| sign_up(name)).collect::<Vec<_>>()).await;
    away.shop.until("all are affiliates", async || away.shop.count("new") == 50).await;
    away.shop.until_idle().await;
    sleep(Duration::from_secs(5)).await;
    let edits = away.shop.count("edit");
    away.shop.slow_down(Duration::from_secs(1));
    let flags: Vec<Value> = names.iter().map(|name| with_trait(name, "vip", true)).collect();
    away.shop.accept(Lane::Bulk, &flags).await;
    away.until_sent("edit", edits + 1).await;
    away.goes_away(Duration::from_secs(5));
    sleep(Duration::from_secs(10)).await;
    away.shop.until_idle().await;
    let sent: Vec<_> = away.shop.calls().into_iter().filter(|call| call.operation == "edit").collect();
    assert_eq!(sent.len(), edits + 1, "no edit is repeated: {sent:#?}");
    for name in names {
        let ends = away.shop.ends(&name).await;
        assert_eq!(ends.iter().map(|(end, _)| *end).collect::<Vec<_>>(), ["created", "updated"], "{name}");
    }
}
