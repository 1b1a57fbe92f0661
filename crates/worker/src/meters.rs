//! Counters of the worker. The binary converts them to metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use connections::ConnectionId;
use identity::graph::Lane;
use parking_lot::Mutex;

use crate::notices::Notices;

/// Upper bounds, in seconds, of the latency buckets of [`Meters::latencies`].
pub const LATENCY_BOUNDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub struct Meters {
    /// Envelopes absorbed.
    pub absorbed: AtomicU64,
    /// Batches absorbed.
    pub batches: AtomicU64,
    /// Events with a value that was refused because it exceeds a bound. A batch that is folded again counts again.
    pub too_large: AtomicU64,
    blocked: Mutex<BTreeMap<&'static str, u64>>,
    shared: Mutex<BTreeMap<&'static str, u64>>,
    unusable: Mutex<BTreeMap<(String, &'static str), u64>>,
    outcomes: Mutex<BTreeMap<&'static str, u64>>,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    call_micros: AtomicU64,
    latencies: Mutex<[u64; LATENCY_BOUNDS.len() + 1]>,
    rates: Mutex<BTreeMap<ConnectionId, f64>>,
    settled: Mutex<BTreeMap<&'static str, Settling>>,
    held: Mutex<BTreeSet<ConnectionId>>,
    pub(crate) notices: Notices,
}

/// How long events of one lane took from the ingest endpoint to their outcome.
#[derive(Clone, Debug, Default)]
pub struct Settling {
    /// Number of events.
    pub events: u64,
    /// Sum, in seconds.
    pub seconds: f64,
    /// The longest, in seconds.
    pub longest: f64,
}

impl Meters {
    /// Counts an outcome.
    pub fn outcome(&self, word: &'static str) {
        bump(&self.outcomes, word, 1);
    }

    /// Counts events with an identifier that names nobody, by its place in the event. A batch that is folded again counts
    /// again.
    pub(crate) fn blocked(&self, place: &'static str, events: u64) {
        bump(&self.blocked, place, events);
    }

    /// Counts events with a shared identifier, by its place in the event. A batch that is folded again counts again.
    pub(crate) fn shared(&self, place: &'static str, events: u64) {
        bump(&self.shared, place, events);
    }

    /// Counts events with a value that cannot be used, by trait and reason. A batch that is folded again counts again.
    pub(crate) fn unusable(&self, name: &str, reason: &'static str, events: u64) {
        bump(&self.unusable, (name.to_owned(), reason), events);
    }

    /// Events with an identifier that names nobody, by its place in the event.
    #[must_use]
    pub fn blocked_identifiers(&self) -> BTreeMap<&'static str, u64> {
        copy(&self.blocked)
    }

    /// Events with a shared identifier, by its place in the event.
    #[must_use]
    pub fn shared_identifiers(&self) -> BTreeMap<&'static str, u64> {
        copy(&self.shared)
    }

    /// Events with a value that cannot be used, by trait and reason.
    #[must_use]
    pub fn unusable_values(&self) -> BTreeMap<(String, &'static str), u64> {
        copy(&self.unusable)
    }

    /// Counts a call by its result: `fine`, `refused`, `throttled` or `unwell`.
    pub fn call(&self, result: &'static str, took: Duration) {
        bump(&self.calls, result, 1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.call_micros.fetch_add(micros, Ordering::Relaxed);
        let mut latencies = self.latencies.lock();
        let bucket = LATENCY_BOUNDS.iter().position(|bound| took.as_secs_f64() <= *bound);
        latencies[bucket.unwrap_or(LATENCY_BOUNDS.len())] += 1;
    }

    /// Notes the rate in use of a connection, in calls a second.
    pub fn rate(&self, connection: ConnectionId, rate: f64) {
        let mut rates = self.rates.lock();
        rates.insert(connection, rate);
    }

    /// Notes whether this process holds the lease of a connection.
    pub fn holds(&self, connection: ConnectionId, is_held: bool) {
        let mut held = self.held.lock();
        match is_held {
            true => held.insert(connection),
            false => held.remove(&connection),
        };
    }

    /// The connections whose lease this process holds.
    #[must_use]
    pub fn held(&self) -> BTreeSet<ConnectionId> {
        self.held.lock().clone()
    }

    /// Notes how long an event took from the ingest endpoint to its outcome.
    pub fn settled(&self, lane: Lane, took: Duration) {
        let mut settled = self.settled.lock();
        let row = settled.entry(if lane == Lane::Live { "live" } else { "bulk" }).or_default();
        row.events += 1;
        row.seconds += took.as_secs_f64();
        row.longest = row.longest.max(took.as_secs_f64());
    }

    /// Outcomes by word.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<&'static str, u64> {
        copy(&self.outcomes)
    }

    /// Calls by result.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        copy(&self.calls)
    }

    /// Rates in use by connection.
    #[must_use]
    pub fn rates(&self) -> BTreeMap<ConnectionId, f64> {
        copy(&self.rates)
    }

    /// Calls by latency bucket: one count for each of [`LATENCY_BOUNDS`], then those above.
    #[must_use]
    pub fn latencies(&self) -> [u64; LATENCY_BOUNDS.len() + 1] {
        *self.latencies.lock()
    }

    /// Total duration of all calls.
    #[must_use]
    pub fn call_time(&self) -> Duration {
        Duration::from_micros(self.call_micros.load(Ordering::Relaxed))
    }

    /// Time from ingest endpoint to outcome, by lane.
    #[must_use]
    pub fn settling(&self) -> BTreeMap<&'static str, Settling> {
        copy(&self.settled)
    }

    pub(crate) fn absorbed(&self, envelopes: usize) {
        self.absorbed.fetch_add(envelopes as u64, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
    }
}

fn bump<K: Ord>(map: &Mutex<BTreeMap<K, u64>>, key: K, by: u64) {
    let mut map = map.lock();
    *map.entry(key).or_default() += by;
}

fn copy<K: Ord + Clone, V: Clone>(map: &Mutex<BTreeMap<K, V>>) -> BTreeMap<K, V> {
    map.lock().clone()
}
