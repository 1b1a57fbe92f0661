//! Counts the requests of the ingest endpoint, for the exporter.

use std::array;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::RegistrationFigures;

/// Every status that the endpoint answers with.
const STATUSES: [u16; 13] = [200, 202, 204, 400, 401, 403, 404, 405, 413, 415, 429, 501, 503];

/// Upper bounds of the latency's buckets, in milliseconds. Segment gives up at 5,000.
const BOUNDS_MS: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 2500, 5000];

/// Counters since the start of the process.
#[derive(Debug)]
pub struct Meters {
    answers: [AtomicU64; STATUSES.len()],
    accepted: AtomicU64,
    latency: [AtomicU64; BOUNDS_MS.len() + 1],
    latency_micros: AtomicU64,
    /// The counters of the listener.
    pub(crate) connections: Arc<listener::Meters>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Requests answered, by HTTP status.
    pub answers: BTreeMap<u16, u64>,
    /// Events accepted: durable, and answered 2xx.
    pub accepted: u64,
    /// Commits to the queue; one serves all requests that waited for it.
    pub groups: u64,
    /// Time from a request's headers to its answer.
    pub latency: Latency,
    /// The counters of the connections.
    pub connections: listener::Figures,
    /// Bytes of memory that the bodies of requests under way take now.
    pub body_bytes: u64,
    /// The counts of unknown API keys; `None` unless they are registered.
    pub registrations: Option<RegistrationFigures>,
}

/// The durations of answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency {
    /// Upper bound in seconds, and the number of answers that took at most that but more than the bound before.
    pub buckets: Vec<(f64, u64)>,
    /// The number of answers that took longer than the last bound.
    pub beyond: u64,
    /// The sum of all durations, in seconds.
    pub seconds: f64,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            answers: array::from_fn(|_| AtomicU64::new(0)),
            accepted: AtomicU64::new(0),
            latency: array::from_fn(|_| AtomicU64::new(0)),
            latency_micros: AtomicU64::new(0),
            connections: Arc::default(),
        }
    }
}

impl Meters {
    /// Counts one answer.
    pub(crate) fn count(&self, status: u16, took: Duration) {
        if let Some(place) = STATUSES.iter().position(|known| *known == status) {
            self.answers[place].fetch_add(1, Ordering::Relaxed);
        }
        let bucket = BOUNDS_MS.partition_point(|bound| Duration::from_millis(*bound) < took);
        self.latency[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Counts events that are durable.
    pub(crate) fn accepted(&self, events: u64) {
        self.accepted.fetch_add(events, Ordering::Relaxed);
    }

    /// The counters of requests, with the number of commits, which the queue counts.
    pub(crate) fn figures(&self, groups: u64) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let answers: BTreeMap<_, _> = STATUSES.into_iter().zip(self.answers.iter().map(read)).collect();
        let bounds = BOUNDS_MS.map(|bound| Duration::from_millis(bound).as_secs_f64());
        let latency = Latency {
            buckets: bounds.into_iter().zip(self.latency.iter().map(read)).collect(),
            beyond: read(&self.latency[BOUNDS_MS.len()]),
            seconds: Duration::from_micros(read(&self.latency_micros)).as_secs_f64(),
        };
        Figures { accepted: read(&self.accepted), answers, groups, latency, ..Figures::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_counted_by_its_status_and_in_the_bucket_that_it_fits() {
        let meters = Meters::default();
        meters.count(202, Duration::from_millis(2));
        meters.count(202, Duration::from_micros(2001));
        meters.count(503, Duration::from_secs(6));
        meters.accepted(2);
        let figures = meters.figures(1);
        assert_eq!((figures.accepted, figures.answers[&503], figures.groups), (2, 1, 1));
        let filled: Vec<_> = figures.latency.buckets.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [&(0.002, 1), &(0.005, 1)]);
        assert_eq!(figures.latency.beyond, 1);
        assert!((figures.latency.seconds - 6.004_001).abs() < 1e-9);
    }
}
