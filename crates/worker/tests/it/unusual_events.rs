//! How absorb handles unusual events: those of a connection that is added while the worker runs, and those whose takers
//! crash every time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connections::{ApiKey, ConnectionId, MasterKey, NewConnection, OsRandomness, Registry as _, Vault};
use jiff::Timestamp;
use ledger::sqlite::SqliteLedger;
use ledger::{Graphs as _, State, View as _};
use queue::sqlite::{LOST_LIMIT, SqliteQueue};
use queue::{Consume as _, Envelope, FORMAT, Item, Lane, Publish as _};
use refersion::{Answer, Request, TransportError};
use sqlite::Database;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::rules::ConnectionCache;
use worker::translate::{Translator, USER};
use worker::{Clock, Limits, Worker, absorb};

/// A transport for tests that make no call.
struct NoCalls;

#[async_trait]
impl refersion::Transport for NoCalls {
    async fn post(&self, _: Request) -> Result<Answer, TransportError> {
        panic!("absorb makes no call")
    }
}

fn clock() -> Clock {
    Arc::new(|| "2026-01-02T03:04:05Z".parse().expect("a time"))
}

async fn queue() -> SqliteQueue {
    let database = Database::inline().expect("memory for a database");
    let queue = SqliteQueue::on(database, queue::sqlite::Settings::default(), clock()).await;
    queue.expect("a fresh queue")
}

async fn worker(ledger: &SqliteLedger) -> Worker {
    worker_on(queue().await, ledger)
}

fn worker_on(queue: SqliteQueue, ledger: &SqliteLedger) -> Worker {
    Worker {
        queue: Arc::new(queue),
        ledger: Arc::new(ledger.clone()),
        connections: Arc::new(ledger.clone()),
        transport: Arc::new(NoCalls),
        vault: Vault::new(MasterKey::generate(&OsRandomness), 1, Arc::new(OsRandomness)),
        clock: clock(),
        randomness: Arc::new(OsRandomness),
        limits: Limits::default(),
        meters: Arc::default(),
        beats: Arc::default(),
        handoffs: Arc::default(),
        locks: Arc::default(),
        audiences: Arc::default(),
        directories: Arc::default(),
    }
}

async fn add(worker: &Worker, ledger: &SqliteLedger) -> ConnectionId {
    let key = ApiKey::parse("pub_1.sec_1").expect("a well-formed key");
    let new = NewConnection {
        name: "new".parse().expect("a good name"),
        settings: connections::Settings::default(),
        key: worker.vault.seal_key(&key),
        write_key: worker.vault.new_write_key(),
        created_at: worker.now(),
    };
    ledger.add(new).await.expect("a fresh connection").id
}

fn event(connection: ConnectionId, number: u128) -> Envelope {
    let json = r#"{"type":"identify","userId":"u","traits":{"plan":"pro"}}"#;
    Envelope {
        format: FORMAT,
        event_id: Uuid::from_u128(number),
        connection,
        lane: Lane::Live,
        received_at: Timestamp::UNIX_EPOCH,
        replay: false,
        revision: 0,
        public: false,
        payload: serde_json::value::RawValue::from_string(json.to_owned()).expect("good JSON"),
    }
}

/// The clock stands still, so the worker's cached connections never expire by themselves.
#[tokio::test]
async fn an_event_of_a_connection_that_was_just_added_is_not_skipped() {
    let ledger = SqliteLedger::inline().await.expect("a fresh ledger");
    let worker = worker(&ledger).await;
    let (mut known, stop) = (ConnectionCache::default(), CancellationToken::new());
    worker.queue.publish(&[event(7, 1)]).await.expect("published");
    absorb::round(&worker, &mut known, &stop).await.expect("absorbed");

    let connection = add(&worker, &ledger).await;
    worker.queue.publish(&[event(connection, 2)]).await.expect("published");
    absorb::round(&worker, &mut known, &stop).await.expect("absorbed");

    let state = async |connection, number| {
        let event = Uuid::from_u128(number);
        let known = ledger.gather(connection, &[], &[event]).await.expect("gathered").known;
        known.get(&event).map(|event| event.state)
    };
    assert_eq!(state(7, 1).await, Some(State::Skipped), "there is no such connection");
    assert_eq!(state(connection, 2).await, Some(State::Unchanged), "no trait of it is mapped");
}

/// The event was accepted under an id, and operators look it up by the identifiers that it names.
#[tokio::test]
async fn an_event_whose_takers_crashed_too_often_dies_under_its_own_id() {
    let ledger = SqliteLedger::inline().await.expect("a fresh ledger");
    let queue = queue().await;
    let worker = worker_on(queue.clone(), &ledger);
    let connection = add(&worker, &ledger).await;
    queue.publish(&[event(connection, 1)]).await.expect("published");
    for _ in 0..LOST_LIMIT {
        let batch = queue.take(1, Duration::ZERO).await.expect("taken");
        assert!(matches!(batch.items[..], [Item::Readable(_)]), "it is tried {LOST_LIMIT} times");
        queue.reclaim().await.expect("its taker has vanished");
    }
    absorb::round(&worker, &mut ConnectionCache::default(), &CancellationToken::new())
        .await
        .expect("absorbed");

    let user = Translator { vault: &worker.vault, connection }.digest(USER, "u");
    let found = ledger.find_events(&[user], 10).await.expect("found");
    let ends: Vec<_> = found.iter().map(|view| (view.event, view.state)).collect();
    assert_eq!(ends, [(Uuid::from_u128(1), State::Dead)]);
}
