//! The dependencies of a process beside its own loops: `/readyz` fails while the broker or the ledger is away, and says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connections::{ConnectionStore, StoreError};
use parking_lot::Mutex;
use queue::rabbitmq::Health;
use sqlite::Database;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Roles, Running};
use crate::config::{Config, Registration};
use crate::engines::{Engines, QueueEngine};
use crate::failure::with_causes;
use crate::health::{Freshness, Pulses};

/// How often the ledger is asked for a sign of life, and how long it may take. Together they are less than the 5 s within which
/// `/readyz` has to fail.
const ASK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// The problem of a damaged queue.
const DAMAGED: &str = "the file is damaged: it is being set aside, and its readable events are rescued";
/// The message of `/readyz` about an ingest endpoint that knows no key.
const NO_CONNECTION: &str = "there is no connection, so every event is answered 503: add one with \
                             `connections add`, or restore the earlier ledger";

/// The state of the ledger. Clones share it.
#[derive(Clone)]
pub(super) struct LedgerWatch {
    trouble: Arc<Mutex<Option<String>>>,
    has_connections: Arc<AtomicBool>,
}

impl Default for LedgerWatch {
    fn default() -> Self {
        let trouble = Arc::new(Mutex::new(Some("not opened yet".to_owned())));
        Self { trouble, has_connections: Arc::default() }
    }
}

impl LedgerWatch {
    /// It is away, for this cause.
    pub(super) fn away(&self, why: String) {
        self.set(Some(why));
    }

    /// Notes how it is, and returns whether that has changed.
    fn set(&self, trouble: Option<String>) -> bool {
        let mut kept = self.trouble.lock();
        let changed = kept.is_some() != trouble.is_some();
        *kept = trouble;
        changed
    }

    /// Notes whether there is any connection.
    fn set_connections(&self, any: bool) {
        if self.has_connections.swap(any, Ordering::Relaxed) && !any {
            tracing::warn!("the last connection was removed: {NO_CONNECTION}");
        }
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }
}

/// Lets readiness see the links to the broker, as far as these roles need them.
pub(super) fn watch_queue(queue: &QueueEngine, roles: Roles, pulses: &Pulses) {
    let queue = queue.clone();
    pulses.need(
        "queue",
        Box::new(move || match queue.file() {
            Some(file) => file_trouble(file.database()),
            None => queue.health().and_then(|health| trouble(&health, roles)),
        }),
    );
}

fn file_trouble(file: &Database) -> Option<String> {
    let moved = file.moved().map(|path| sqlite::Error::Moved { path }.to_string());
    moved.or_else(|| file.damage().map(|why| format!("{DAMAGED} ({why})")))
}

/// An ingest endpoint that publishes and a worker that consumes are healthy, whatever else the broker blocks.
fn trouble(health: &Health, roles: Roles) -> Option<String> {
    let well = (health.publishing || !roles.ingest) && (health.consuming || !roles.worker);
    (!well).then(|| health.why.clone().unwrap_or_else(|| "the broker is unavailable".to_owned()))
}

/// Lets readiness see how the ledger is. An ingest endpoint also needs a connection: until there is one it takes no
/// event, because an empty ledger may be the wrong one. Where keys register themselves, the first one makes a connection.
pub(super) fn watch_ledger(ledger: &LedgerWatch, config: &Config, roles: Roles, pulses: &Pulses) {
    let opened = ledger.clone();
    pulses.need("ledger", Box::new(move || opened.trouble()));
    if roles.ingest && config.ingest.registration == Registration::Closed {
        let ledger = ledger.clone();
        let is_empty = move || ledger.trouble().is_none() && !ledger.has_connections.load(Ordering::Relaxed);
        pulses.need("connections", Box::new(move || is_empty().then(|| NO_CONNECTION.to_owned())));
    }
}

/// From now on asks the ledger again and again how it is.
pub(super) fn keep_watching(ledger: &LedgerWatch, engines: &Engines, running: &mut Running) {
    ledger.set(None);
    let (ledger, store, stop) = (ledger.clone(), Arc::clone(&engines.connections), running.stop.clone());
    running.supervisor.start("ledger watch", Freshness::Beats, move |pulse| {
        let (ledger, store, stop) = (ledger.clone(), Arc::clone(&store), stop.clone());
        async move {
            while !stop.is_cancelled() {
                pulse.beat();
                look(&ledger, store.as_ref()).await;
                pause(&stop).await;
            }
            Ok(())
        }
    });
}

async fn look(ledger: &LedgerWatch, store: &dyn ConnectionStore) {
    let answer = timeout(ANSWER_WITHIN, store.is_empty()).await;
    let silent = |_| StoreError::Unavailable(format!("no answer within {ANSWER_WITHIN:?}").into());
    let answer = answer.map_err(silent).flatten();
    if let Ok(is_empty) = answer {
        ledger.set_connections(!is_empty);
    }
    let trouble = answer.err().map(|error| with_causes(&error));
    match (ledger.set(trouble.clone()), trouble) {
        (true, Some(why)) => tracing::warn!(error = why, "the ledger is unavailable"),
        (true, None) => tracing::info!("the ledger is available again"),
        (false, _) => {}
    }
}

async fn pause(stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(ASK_EVERY) => {}
        () = stop.cancelled() => {}
    }
}
