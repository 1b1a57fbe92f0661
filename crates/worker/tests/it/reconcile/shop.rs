//! One connection with its worker, over engines in memory and a simulated Refersion, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use connections::{
    ApiKey, ConnectionId, MasterKey, NewAffiliateStatus, NewConnection, OsRandomness, Registry as _,
    Settings, State, Vault,
};
use identity::Digest;
use jiff::{SignedDuration, Timestamp};
use ledger::sqlite::SqliteLedger;
use ledger::{EventView, Graphs as _, Schedule as _, View as _};
use parking_lot::Mutex;
use queue::sqlite::SqliteQueue;
use queue::{Envelope, FORMAT, Lane};
use serde_json::{Value, json};
use simulator::{ExistingAffiliate, Faults, Options, Simulator};
use sqlite::Database;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::rules::ConnectionCache;
use worker::{Clock, Limits, Worker, absorb, serve};

use super::wire::{Call, Wire};

pub(crate) use super::events::{address, sign_up, with_trait};

/// Upper limit of any wait, in the time of the test.
const TIMEOUT: Duration = Duration::from_secs(2 * 3600);
/// Interval of checking a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Settings of a shop.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) refersion: Options,
}

impl Plan {
    /// Twenty calls a second, and a custom field for `vip`.
    pub(crate) fn usual() -> Self {
        let settings = Settings {
            refersion_url: "https://refersion.test".to_owned(),
            rate_per_second: 20.0,
            require_address: false,
            new_affiliate_status: NewAffiliateStatus::Active,
            custom_fields: [("vip".to_owned(), 101)].into(),
            ..Settings::default()
        };
        Self { settings, limits: Limits::default(), refersion: Options::default() }
    }
}

/// The shop.
pub(crate) struct Shop {
    pub(crate) worker: Worker,
    pub(crate) ledger: SqliteLedger,
    /// The database of the ledger.
    pub(crate) file: Database,
    pub(crate) id: ConnectionId,
    pub(crate) wire: Arc<Wire>,
    known: ConnectionCache,
    sent: u128,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Shop {
    /// Opens a shop; nothing is reconciled until [`Self::reconcile`].
    pub(crate) async fn open(plan: Plan) -> Self {
        let began = Instant::now();
        let first: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        let passed = move || SignedDuration::try_from(began.elapsed()).expect("a test is short");
        let clock: Clock = Arc::new(move || {
            let micros = (first + passed()).as_microsecond();
            Timestamp::from_microsecond(micros).expect("a test is short")
        });
        let file = Database::inline().expect("memory for a database");
        let ledger = SqliteLedger::over(file.clone()).await.expect("a fresh ledger");
        let memory = Database::inline().expect("memory for a database");
        let queue = SqliteQueue::on(memory, queue::sqlite::Settings::default(), Arc::clone(&clock));
        let wire = Arc::new(Wire::new(began, Simulator::new(plan.refersion)));
        let worker = Worker {
            queue: Arc::new(queue.await.expect("a fresh queue")),
            ledger: Arc::new(ledger.clone()),
            connections: Arc::new(ledger.clone()),
            transport: Arc::<Wire>::clone(&wire),
            vault: Vault::new(MasterKey::generate(&OsRandomness), 1, Arc::new(OsRandomness)),
            clock,
            randomness: Arc::new(OsRandomness),
            limits: plan.limits,
            meters: Arc::default(),
            beats: Arc::default(),
            handoffs: Arc::default(),
            locks: Arc::default(),
            audiences: Arc::default(),
            directories: Arc::default(),
        };
        let key = ApiKey::parse("pub_1.sec_1").expect("a well-formed key");
        let new = NewConnection {
            name: "shop".parse().expect("a good name"),
            settings: plan.settings,
            key: worker.vault.seal_key(&key),
            write_key: worker.vault.new_write_key(),
            created_at: worker.now(),
        };
        let id = ledger.add(new).await.expect("a fresh connection").id;
        let (known, stop) = (ConnectionCache::default(), CancellationToken::new());
        Self { worker, ledger, file, id, wire, known, sent: 0, stop, task: Mutex::default() }
    }

    /// Starts to make calls.
    pub(crate) fn reconcile(&self) {
        let (worker, stop) = (self.worker.clone(), self.stop.clone());
        let task = tokio::spawn(async move { serve::reconcile_all(&worker, &stop).await });
        *self.task.lock() = Some(task);
    }

    /// Stops reconcile, and waits until it has ended.
    pub(crate) async fn end_reconcile(&mut self) {
        std::mem::take(&mut self.stop).cancel();
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.await.expect("it ends well");
        }
    }

    /// A time of day, converted to the time base of the recorded calls.
    pub(crate) fn since(&self, at: Timestamp) -> Duration {
        let ago = Duration::try_from(self.worker.now().duration_since(at)).expect("it is past");
        self.wire.began.elapsed().saturating_sub(ago)
    }

    /// Sends events in one batch, and absorbs them.
    pub(crate) async fn send(&mut self, lane: Lane, events: &[Value]) {
        self.accept(lane, events).await;
        let mut left = events.len();
        while left > 0 {
            left -= absorb::round(&self.worker, &mut self.known, &self.stop).await.expect("absorbed");
        }
    }

    /// Publishes events to the queue.
    pub(crate) async fn accept(&mut self, lane: Lane, events: &[Value]) {
        let envelopes: Vec<Envelope> = events.iter().map(|event| self.envelope(lane, event)).collect();
        self.worker.queue.publish(&envelopes).await.expect("published");
    }

    /// Sends these events with the write key, which any web page shows.
    pub(crate) async fn send_with_write_key(&mut self, events: &[Value]) {
        let envelope = |event| Envelope { public: true, ..self.envelope(Lane::Live, event) };
        let envelopes: Vec<Envelope> = events.iter().map(envelope).collect();
        self.worker.queue.publish(&envelopes).await.expect("published");
        let mut left = events.len();
        while left > 0 {
            left -= absorb::round(&self.worker, &mut self.known, &self.stop).await.expect("absorbed");
        }
    }

    /// Starts to absorb the queue.
    pub(crate) fn absorb(&self) {
        let (worker, stop) = (self.worker.clone(), self.stop.clone());
        tokio::spawn(async move { absorb::run(&worker, &stop).await });
    }

    /// An operator replays the event that was sent as the `number`-th.
    pub(crate) async fn replay(&mut self, number: u128, event: &Value) {
        self.resend(number, event, 0).await;
    }

    /// Sends it once more, as a revision of it.
    pub(crate) async fn resend(&mut self, number: u128, event: &Value, revision: u32) {
        let sent = std::mem::replace(&mut self.sent, number - 1);
        let again = Envelope { replay: true, revision, ..self.envelope(Lane::Live, event) };
        self.sent = sent;
        self.worker.queue.publish(&[again]).await.expect("published");
        absorb::round(&self.worker, &mut self.known, &self.stop).await.expect("absorbed");
    }

    /// The states of the first `count` events.
    pub(crate) async fn states(&self, count: u128) -> Vec<&'static str> {
        let events: Vec<Uuid> = (1..=count).map(Uuid::from_u128).collect();
        let known = self.ledger.gather(self.id, &[], &events).await.expect("a ledger").known;
        known.into_values().map(|event| event.state.word()).collect()
    }

    /// The outcomes of the events of a user with their reasons, in order of their acceptance.
    pub(crate) async fn ends(&self, who: &str) -> Vec<(&'static str, Option<String>)> {
        self.events_of(who).await.into_iter().map(|view| (view.state.word(), view.reason)).collect()
    }

    /// The events of a user, in order of their acceptance.
    pub(crate) async fn events_of(&self, who: &str) -> Vec<EventView> {
        let user = Digest(self.worker.vault.digest(worker::translate::USER, self.id, who));
        let mut found = self.ledger.find_events(&[user], 100).await.expect("a ledger");
        found.sort_by_key(|view| view.event);
        found
    }

    fn envelope(&mut self, lane: Lane, event: &Value) -> Envelope {
        self.sent += 1;
        let mut event = event.clone();
        event["messageId"] = json!(format!("m-{}", self.sent));
        Envelope {
            format: FORMAT,
            event_id: Uuid::from_u128(self.sent),
            connection: self.id,
            lane,
            received_at: self.worker.now(),
            replay: false,
            revision: 0,
            public: false,
            payload: serde_json::value::RawValue::from_string(event.to_string()).expect("good JSON"),
        }
    }

    /// Waits until a condition holds.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let latest = Instant::now() + TIMEOUT;
        while !holds().await {
            assert!(Instant::now() < latest, "it did not happen: {what}");
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until every event has ended and nothing is due.
    pub(crate) async fn until_idle(&self) {
        self.until("nothing is left to do", async || {
            let pending =
                self.ledger.counts(Some(self.id), self.worker.now()).await.expect("a ledger").pending;
            let due = self.ledger.next_due(self.id).await.expect("a ledger");
            let walk = self.ledger.walk_position(self.id).await.expect("a ledger");
            pending == 0 && due.is_none() && walk.is_none()
        })
        .await;
    }

    /// Waits until the connection is in this state.
    pub(crate) async fn until_state(&self, state: State) {
        self.until(&format!("the connection is {state:?}"), async || self.state().await == state).await;
    }

    pub(crate) async fn state(&self) -> State {
        self.ledger.by_id(self.id).await.expect("a ledger").expect("the connection").state
    }

    /// Changes the connection's settings, as an operator does.
    pub(crate) async fn set(&self, change: impl FnOnce(&mut Settings)) {
        let seen = self.ledger.by_id(self.id).await.expect("a ledger").expect("the connection");
        let mut settings = seen.settings.clone();
        change(&mut settings);
        let set = self.ledger.set_settings(self.id, seen.settings_version, &settings);
        set.await.expect("no conflict");
    }

    /// Sets faults, in the notation of the simulator.
    pub(crate) fn faults(&self, spec: &str) {
        let faults: Faults = Faults::parse(spec).expect("a good specification");
        self.wire.core.lock().set_faults(self.wire.began.elapsed(), faults);
    }

    /// Puts an affiliate into Refersion that existed before.
    pub(crate) fn existed(&self, email: &str) {
        let before = ExistingAffiliate::active(email);
        let mut core = self.wire.core.lock();
        assert!(core.add_affiliate("pub_1", before).is_some(), "a free address");
    }

    /// From now on, Refersion answers after this time.
    pub(crate) fn slow_down(&self, answers_after: Duration) {
        *self.wire.answers_after.lock() = answers_after;
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.wire.calls.lock().clone()
    }

    /// Number of calls of an operation so far.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| call.operation == operation).count()
    }

    /// The affiliate that Refersion has at an address.
    pub(crate) fn affiliate(&self, email: &str) -> Option<simulator::AffiliateState> {
        self.wire.core.lock().find_by_email("pub_1", email)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
