//! Plain figures as they stand at one moment. Counters count since the start of the process.

use std::collections::BTreeMap;

/// All figures. A part that this process does not have, or that could not be read, is `None` and not shown.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The ingest endpoint's.
    pub ingest: Option<IngestFigures>,
    /// The queue's.
    pub queue: Option<QueueFigures>,
    /// The ledger's.
    pub ledger: Option<LedgerFigures>,
    /// The room for new events.
    pub room: Option<RoomFigures>,
    /// Events that never arrived; `None` where they are not watched.
    pub missing_events: Option<u64>,
    /// The worker's.
    pub worker: Option<WorkerFigures>,
    /// The log's.
    pub log: LogFigures,
}

/// Lines that are missing from the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogFigures {
    /// Standard error did not take them.
    pub lost: u64,
    /// They were held back as repetitions.
    pub repeated: u64,
}

/// Figures of the ingest endpoint.
#[derive(Clone, Debug, Default)]
pub struct IngestFigures {
    /// Requests answered, by HTTP status.
    pub requests: BTreeMap<u16, u64>,
    /// Events accepted.
    pub accepted_events: u64,
    /// How long answers took.
    pub answers: Histogram,
    /// Connections that are open now.
    pub connections_open: u64,
    /// Idle connections that were closed to make room for new ones.
    pub connections_closed_idle: u64,
    /// Connections that were refused because their address had its share.
    pub connections_refused: u64,
    /// Memory that the bodies of requests under way take now, in bytes.
    pub body_bytes: u64,
    /// Unknown API keys by result; empty unless they are registered.
    pub registrations: BTreeMap<&'static str, u64>,
}

/// Events that wait in the queue or are not yet acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueueFigures {
    /// In the live lane.
    pub live: u64,
    /// In the bulk lane.
    pub bulk: u64,
    /// Age of the oldest event in seconds; `None` if the queue is empty or cannot tell.
    pub oldest: Option<f64>,
    /// Bytes that it holds, and its limit; `None` if it cannot tell.
    pub bytes: Option<(u64, u64)>,
}

/// Figures of the ledger.
#[derive(Clone, Debug, Default)]
pub struct LedgerFigures {
    /// Events without an outcome.
    pub pending: u64,
    /// Persons that differ from the values that Refersion was sent.
    pub dirty: u64,
    /// Persons that lack something that no event has stated.
    pub waiting: u64,
    /// Dead letters that nobody has decided on.
    pub dead_letters: u64,
    /// The same by connection id and class.
    pub dead_letters_by_class: Vec<(i64, String, u64)>,
    /// Age of the oldest pending event, in seconds.
    pub oldest: Option<f64>,
    /// For how long events have waited in the queue while no worker ran, in seconds.
    pub untaken: Option<f64>,
    /// Every connection.
    pub connections: Vec<ConnectionFigures>,
    /// Every audience.
    pub audiences: Vec<AudienceFigures>,
}

/// One audience.
#[derive(Clone, Debug, Default)]
pub struct AudienceFigures {
    /// The id of its connection.
    pub connection: i64,
    /// Its name.
    pub name: String,
    /// Number of persons by state.
    pub persons: Vec<(&'static str, u64)>,
}

impl AudienceFigures {
    /// How many are members.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.persons.iter().find(|(what, _)| *what == "members").map_or(0, |(_, persons)| *persons)
    }
}

/// How much room there is for new events.
#[derive(Clone, Debug, Default)]
pub struct RoomFigures {
    /// Bytes that the ledger has in use.
    pub ledger_bytes: u64,
    /// Upper limit of its bytes; `None` without a limit.
    pub ledger_limit: Option<u64>,
    /// The lowest free space of the disks that hold our files; `None` without files.
    pub disk_free: Option<u64>,
    /// Ids of connections whose new events are refused, or `all`, with the reason's word.
    pub refused: Vec<(String, &'static str)>,
}

/// One connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFigures {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Why it is paused; `None` if it is active.
    pub paused_for: Option<&'static str>,
}

/// Figures of the worker.
#[derive(Clone, Debug, Default)]
pub struct WorkerFigures {
    /// Events absorbed.
    pub absorbed_events: u64,
    /// Batches absorbed.
    pub absorbed_batches: u64,
    /// Events of which a value was refused because it exceeds a bound.
    pub too_large_events: u64,
    /// Events with an identifier that names nobody, by its place in the event.
    pub blocked_identifiers: BTreeMap<&'static str, u64>,
    /// Events with an identifier that too many share, by its place in the event.
    pub shared_identifiers: BTreeMap<&'static str, u64>,
    /// Events with a value that cannot be used, by trait and reason.
    pub unusable_values: BTreeMap<(String, &'static str), u64>,
    /// Events ended, by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Calls to Refersion by result: `fine`, `refused`, `throttled` or `unwell`.
    pub calls: BTreeMap<&'static str, u64>,
    /// How long those calls took.
    pub call_latency: Histogram,
    /// From the ingest endpoint to the outcome, by lane.
    pub settling: BTreeMap<&'static str, Settling>,
    /// The rate in use by connection id, in calls a second.
    pub rates: BTreeMap<i64, f64>,
}

/// How long events took from the ingest endpoint to their outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settling {
    /// How many.
    pub events: u64,
    /// Together, in seconds.
    pub seconds: f64,
    /// The longest, in seconds.
    pub longest: f64,
}

/// A distribution of durations.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Upper bound in seconds, and the number of durations up to it that exceed the bound before.
    pub buckets: Vec<(f64, u64)>,
    /// Number of durations above the last bound.
    pub beyond: u64,
    /// Sum of all durations, in seconds.
    pub seconds: f64,
}
