//! An installation with dead letters for tests: real engines in a folder, a clock that is set by hand, and ports that can be
//! watched ([`watched`]).

pub(super) mod watched;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use connections::{ApiKey, ConnectionId, NewConnection, Settings};
use identity::graph::Lane;
use jiff::{SignedDuration, Timestamp};
use ledger::{
    Changes, DeadLetter, DeadLetterFilter, DeadLetterState, DeadLetterView, NewEvent, Outcome, Plan,
    PlanFilter, PlanId, Selector, State,
};
use parking_lot::Mutex;
use tempfile::TempDir;
use uuid::Uuid;

use super::Directory;
use super::dead_letters::Selection;
use super::plans::plan;
use crate::config::{self, LedgerUrl, QueueUrl};
use crate::engines::Engines;

/// Real engines in a folder.
pub(super) struct Harness {
    pub(super) engines: Engines,
    pub(super) connection: ConnectionId,
    now: Arc<Mutex<Timestamp>>,
    _folder: TempDir,
}

impl Harness {
    /// With a number of open dead letters of one connection, each of a person of its own.
    pub(super) async fn with_dead_letters(letters: u32) -> Self {
        let folder = TempDir::new().unwrap();
        let place = |name: &str| folder.path().join("data").join(name);
        let mut config = config::load(None, []).unwrap().config;
        config.queue.url = QueueUrl::Sqlite(place("queue.db"));
        config.ledger.url = LedgerUrl::Sqlite(place("ledger.db"));
        let mut engines = Engines::open(&config).await.unwrap();
        let now = Arc::new(Mutex::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let clock = Arc::clone(&now);
        engines.clock = Arc::new(move || *clock.lock());
        let mut harness = Self { engines, connection: 0, now, _folder: folder };
        harness.connection = harness.add_connection("shop").await;
        harness.die(harness.connection, letters).await;
        harness
    }

    pub(super) async fn add_connection(&self, name: &str) -> ConnectionId {
        let key = ApiKey::parse(&format!("pub_{name}.sec_{name}")).unwrap();
        let new = NewConnection {
            name: name.parse().unwrap(),
            settings: Settings::default(),
            key: self.engines.vault.seal_key(&key),
            write_key: self.engines.vault.new_write_key(),
            created_at: self.engines.now(),
        };
        self.engines.connections.add(new).await.unwrap().id
    }

    /// Writes dead letters.
    pub(super) async fn die(&self, connection: ConnectionId, letters: u32) {
        let mut changes = Changes { connection, now: self.engines.now(), ..Changes::default() };
        for number in 0..letters {
            let (event, at) = (self.engines.new_id(), self.engines.now());
            let at = at + SignedDuration::from_micros(i64::from(number));
            let payload =
                format!(r#"{{"type":"identify","userId":"user{number}","traits":{{"city":"Oslo"}}}}"#);
            changes.events.push(NewEvent {
                event,
                kind: "identify".to_owned(),
                received_at: at,
                lane: Lane::Live,
                payload: payload.into(),
                found_by: Vec::new(),
            });
            changes.outcomes.push(Outcome {
                event,
                number: 1,
                state: State::Dead,
                reason: None,
                affiliate: None,
                at,
            });
            changes.dead_letters.push(DeadLetter {
                event,
                class: "unavailable".to_owned(),
                cause: "service is under maintenance".to_owned(),
                http_status: Some(503),
                field: None,
                attempts: 3,
                died_at: at,
                person: None,
            });
        }
        self.engines.ledger.record(changes).await.unwrap();
    }

    pub(super) fn later(&self, by: Duration) {
        let mut now = self.now.lock();
        *now += by;
    }

    pub(super) async fn selection(&self, selector: &str) -> Selection {
        let directory = Directory::read(&self.engines, None).await.unwrap();
        Selection::of(&self.engines, &directory, Selector::parse(selector).unwrap()).await.unwrap()
    }

    pub(super) async fn letters(&self) -> Vec<DeadLetterView> {
        let all = DeadLetterFilter { limit: 10_000, ..DeadLetterFilter::default() };
        self.engines.ledger.dead_letters(&all).await.unwrap()
    }

    /// The events of the dead letters in a state.
    pub(super) async fn events_in(&self, state: DeadLetterState) -> BTreeSet<Uuid> {
        let of_state = self.letters().await.into_iter().filter(|letter| letter.state == state);
        of_state.map(|letter| letter.event).collect()
    }

    /// The events in the queue.
    pub(super) async fn queued(&self) -> BTreeSet<Uuid> {
        let look = self.engines.queue.look(10_000).await.unwrap();
        look.envelopes.iter().map(|envelope| envelope.event_id).collect()
    }

    pub(super) async fn plans(&self) -> Vec<Plan> {
        self.engines.plans.plans(&PlanFilter::default(), self.engines.now()).await.unwrap()
    }

    pub(super) async fn plan(&self, id: PlanId) -> Plan {
        plan(&self.engines, id).await.unwrap()
    }
}
