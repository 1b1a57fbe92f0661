//! Absorb with several connections, and with other processes that change the same graphs.

mod conflicts;
mod neighbours;

use std::sync::Arc;

use async_trait::async_trait;
use connections::{ApiKey, ConnectionId, MasterKey, NewConnection, OsRandomness, Registry as _, Vault};
use jiff::Timestamp;
use ledger::sqlite::SqliteLedger;
use ledger::{Graphs as _, State};
use queue::sqlite::SqliteQueue;
use queue::{Envelope, FORMAT, Lane, Publish as _};
use refersion::{Answer, Request, TransportError};
use serde_json::{Value, json};
use sqlite::Database;
use uuid::Uuid;
use worker::{Clock, Limits, Worker};

use crate::sim::dice::Dice;
use crate::sim::ledger_port::{BeforeRecording, LedgerPort, Watch};
use crate::sim::planted_bug::PlantedBug;
use crate::sim::process::Process;

/// A transport for tests that make no call.
struct NoCalls;

#[async_trait]
impl refersion::Transport for NoCalls {
    async fn post(&self, _: Request) -> Result<Answer, TransportError> {
        panic!("absorb makes no call")
    }
}

/// A worker on engines in memory.
struct Rig {
    worker: Worker,
    ledger: SqliteLedger,
    queue: SqliteQueue,
    sent: u128,
}

impl Rig {
    /// `before` gets the ledger itself, not the port through which the worker reaches it.
    async fn new(limits: Limits, before: impl FnOnce(&SqliteLedger) -> Option<BeforeRecording>) -> Self {
        let clock: Clock = Arc::new(|| "2026-01-02T03:04:05Z".parse().expect("a time"));
        let memory = Database::inline().expect("memory for a database");
        let ledger = SqliteLedger::over(memory.clone()).await.expect("a fresh ledger");
        let database = Database::inline().expect("memory for a database");
        let queue = SqliteQueue::on(database, queue::sqlite::Settings::default(), Arc::clone(&clock));
        let queue = queue.await.expect("a fresh queue");
        let port = LedgerPort {
            process: Process::new(0, Dice::new(1), Arc::default()),
            inner: ledger.clone(),
            planted_bug: PlantedBug::Nothing,
            watch: Watch {
                memory,
                seen: Arc::default(),
                conflicts: Arc::default(),
                versions: Arc::default(),
            },
            before_recording: before(&ledger),
            reported_as_failed: Arc::default(),
        };
        let worker = Worker {
            queue: Arc::new(queue.clone()),
            ledger: Arc::new(port),
            connections: Arc::new(ledger.clone()),
            transport: Arc::new(NoCalls),
            vault: Vault::new(MasterKey::generate(&OsRandomness), 1, Arc::new(OsRandomness)),
            clock,
            randomness: Arc::new(OsRandomness),
            limits,
            meters: Arc::default(),
            beats: Arc::default(),
            handoffs: Arc::default(),
            locks: Arc::default(),
            audiences: Arc::default(),
            directories: Arc::default(),
        };
        Self { worker, ledger, queue, sent: 0 }
    }

    async fn add(&self, name: &str) -> ConnectionId {
        let key = ApiKey::parse(&format!("pub_{name}.sec_{name}")).expect("a well-formed key");
        let new = NewConnection {
            name: name.parse().expect("a good name"),
            settings: connections::Settings::default(),
            key: self.worker.vault.seal_key(&key),
            write_key: self.worker.vault.new_write_key(),
            created_at: self.worker.now(),
        };
        self.ledger.add(new).await.expect("a fresh connection").id
    }

    /// Publishes an event about each user in one go; returns their ids.
    async fn send(&mut self, connection: ConnectionId, users: &[&str], traits: &Value) -> Vec<Uuid> {
        let event = |user: &&str| {
            self.sent += 1;
            let json = json!({ "type": "identify", "userId": user, "traits": traits }).to_string();
            Envelope {
                format: FORMAT,
                event_id: Uuid::from_u128(self.sent),
                connection,
                lane: Lane::Live,
                received_at: Timestamp::UNIX_EPOCH,
                replay: false,
                revision: 0,
                public: false,
                payload: serde_json::value::RawValue::from_string(json).expect("good JSON"),
            }
        };
        let envelopes: Vec<Envelope> = users.iter().map(event).collect();
        self.queue.publish(&envelopes).await.expect("published");
        envelopes.iter().map(|envelope| envelope.event_id).collect()
    }

    /// The events among these that are recorded.
    async fn recorded(&self, connection: ConnectionId, events: &[Uuid]) -> Vec<Uuid> {
        let known = self.ledger.gather(connection, &[], events).await.expect("gathered").known;
        known.into_iter().filter(|(_, event)| event.state != State::Dead).map(|(id, _)| id).collect()
    }
}
