//! A temporary failure of the ledger loses no answer: calls under way are awaited, and their answers are recorded under the
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
use crate::sim::planted_bug::PlantedBug;
use crate::sim::process::{EngineFaults, Process};
use crate::sim::store_port::StorePort;

/// How long an outage lasts at most if the lease is to be kept: it is renewed every 2 s for 15 s.
const SHORT: Duration = Duration::from_secs(12);

/// A shop, and the faults of its worker's access to the ledger.
pub(super) struct LedgerOutage {
    pub(super) shop: Shop,
    engine_faults: Arc<Mutex<EngineFaults>>,
    reported_as_failed: Arc<AtomicUsize>,
}

impl LedgerOutage {
    pub(super) async fn open(plan: Plan) -> Self {
        let mut shop = Shop::open(plan).await;
        let (engine_faults, reported_as_failed) = <(Arc<Mutex<EngineFaults>>, Arc<AtomicUsize>)>::default();
        let process = Process::new(0, Dice::new(1), Arc::clone(&engine_faults));
        let watch = Watch {
            memory: shop.file.clone(),
            seen: Arc::default(),
            conflicts: Arc::default(),
            versions: Arc::default(),
        };
        let (inner, planted_bug) = (shop.ledger.clone(), PlantedBug::Nothing);
        let port = LedgerPort {
            process: Arc::clone(&process),
            inner: inner.clone(),
            planted_bug,
            watch,
            before_recording: None,
            reported_as_failed: Arc::clone(&reported_as_failed),
        };
        shop.worker.ledger = Arc::new(port);
        shop.worker.connections = Arc::new(StorePort { process, inner });
        shop.reconcile();
        Self { shop, engine_faults, reported_as_failed }
    }

    /// Makes the ledger unavailable for reads and writes, from now on for `time`.
    pub(super) fn make_unavailable(&self, time: Duration) {
        self.engine_faults.lock().outage_until = Some(Instant::now() + time);
    }

    /// Commits the next `times` recordings without an answer.
    fn commit_without_answer(&self, times: usize) {
        self.reported_as_failed.store(times, Ordering::Relaxed);
    }

    /// The token of the current lease, which distinguishes the holders.
    async fn token(&self) -> i64 {
        let rows = rows(&self.shop.file, "SELECT token FROM leases").await;
        rows[0][0].parse().expect("a token")
    }

    /// Waits until the calls of an operation are out, with their answers still to come.
    pub(super) async fn until_sent(&self, operation: &str, calls: usize) {
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
async fn answers_during_a_ledger_outage_are_recorded_when_it_ends() {
    let mut outage = LedgerOutage::open(Plan::usual()).await;
    outage.shop.slow_down(Duration::from_secs(3));
    outage.shop.send(Lane::Live, &three()).await;
    outage.until_sent("new", 3).await;
    let token = outage.token().await;
    outage.make_unavailable(SHORT);
    outage.shop.until_idle().await;
    all_created(&outage.shop).await;
    assert_eq!((outage.shop.count("new"), outage.shop.count("search")), (3, 0), "no answer was lost");
    assert_eq!(outage.token().await, token, "the lease is kept");
}

#[tokio::test(start_paused = true)]
async fn answers_are_recorded_after_the_lease_has_expired_if_no_other_worker_took_it() {
    let mut outage = LedgerOutage::open(Plan::usual()).await;
    outage.shop.slow_down(Duration::from_secs(3));
    outage.shop.send(Lane::Live, &three()).await;
    outage.until_sent("new", 3).await;
    outage.make_unavailable(Duration::from_secs(90));
    outage.shop.until_idle().await;
    all_created(&outage.shop).await;
    assert_eq!((outage.shop.count("new"), outage.shop.count("search")), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn answers_recorded_without_confirmation_are_not_recorded_twice() {
    let retry = RetryPolicy { initial: Duration::from_secs(10), ..RetryPolicy::default() };
    let limits = Limits { retry, ..Limits::default() };
    let mut outage = LedgerOutage::open(Plan { limits, ..Plan::usual() }).await;
    outage.shop.faults("429=100%");
    outage.shop.slow_down(Duration::from_secs(1));
    outage.shop.send(Lane::Live, &[sign_up("ann")]).await;
    outage.until_sent("new", 1).await;
    outage.commit_without_answer(1);
    sleep(Duration::from_secs(3)).await;
    assert_eq!((outage.attempts("ann").await, outage.shop.count("new")), (1, 1));
    outage.shop.faults("");
    outage.shop.until_idle().await;
    assert_eq!((outage.attempts("ann").await, outage.shop.count("new")), (1, 2));
}

/// Calls that may have been recorded without a confirmation are settled by the next holder, even if it is the same worker.
#[tokio::test(start_paused = true)]
async fn calls_under_way_are_awaited_after_an_unconfirmed_recording_of_others() {
    let mut outage = LedgerOutage::open(Plan::usual()).await;
    outage.shop.send(Lane::Live, &[sign_up("di")]).await;
    outage.shop.until_idle().await;
    let (token, edits) = (outage.token().await, outage.shop.count("edit"));
    outage.shop.slow_down(Duration::from_secs(3));
    outage.shop.send(Lane::Live, &three()).await;
    outage.until_sent("new", 4).await;
    outage.commit_without_answer(1);
    outage.shop.send(Lane::Live, &[with_trait("di", "company", "Acme")]).await;
    outage.shop.until_idle().await;
    all_created(&outage.shop).await;
    assert!(outage.token().await > token, "the lease was taken again");
    assert_eq!((outage.shop.count("new"), outage.shop.count("search")), (4, 0), "no answer was lost");
    assert_eq!(outage.shop.count("edit"), edits + 1);
    let open = rows(&outage.shop.file, "SELECT id FROM calls").await;
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_outage_loses_no_answers_of_the_fast_path() {
    let mut outage = LedgerOutage::open(Plan::usual()).await;
    outage.shop.absorb();
    let names: Vec<String> = (0..50).map(|number| format!("member{number}")).collect();
    outage.shop.accept(Lane::Bulk, &names.iter().map(|name| sign_up(name)).collect::<Vec<_>>()).await;
    outage.shop.until("all are affiliates", async || outage.shop.count("new") == 50).await;
    outage.shop.until_idle().await;
    sleep(Duration::from_secs(5)).await;
    let edits = outage.shop.count("edit");
    outage.shop.slow_down(Duration::from_secs(1));
    let flags: Vec<Value> = names.iter().map(|name| with_trait(name, "vip", true)).collect();
    outage.shop.accept(Lane::Bulk, &flags).await;
    outage.until_sent("edit", edits + 1).await;
    outage.make_unavailable(Duration::from_secs(5));
    sleep(Duration::from_secs(10)).await;
    outage.shop.until_idle().await;
    let sent: Vec<_> = outage.shop.calls().into_iter().filter(|call| call.operation == "edit").collect();
    assert_eq!(sent.len(), edits + 1, "no edit is repeated: {sent:#?}");
    for name in names {
        let ends = outage.shop.ends(&name).await;
        assert_eq!(ends.iter().map(|(end, _)| *end).collect::<Vec<_>>(), ["created", "updated"], "{name}");
    }
}
