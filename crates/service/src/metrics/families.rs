//! The vocabulary: every metric's name, meaning and labels, but for those of the worker, which `worker_families` has.

use std::collections::BTreeMap;

use prometheus::proto::MetricFamily;

use super::audiences;
use super::family::{Family, number};
use super::snapshot::{
    ConnectionFigures, IngestFigures, LedgerFigures, LogFigures, QueueFigures, RoomFigures, Snapshot,
};
use super::worker_families::worker;
use crate::health::LoopState;

/// Help text for the bytes of the queue.
const QUEUE_BYTES: &str =
    "Bytes of messages that the queue holds; on RabbitMQ an estimate for the fuller lane.";

/// All families that `snapshot` has figures for.
pub(super) fn all(
    snapshot: &Snapshot,
    loops: &[LoopState],
    sources: &[(&'static str, bool)],
) -> Vec<MetricFamily> {
    let mut families = process(loops, sources);
    let names = Names::of(snapshot);
    families.push(log(snapshot.log));
    families.extend(snapshot.ingest.as_ref().into_iter().flat_map(ingest));
    families.extend(snapshot.queue.as_ref().into_iter().flat_map(queue));
    families.extend(snapshot.ledger.as_ref().into_iter().flat_map(|it| ledger(it, &names)));
    families.push(missing(snapshot.missing_events));
    families.extend(snapshot.room.as_ref().into_iter().flat_map(room));
    families.extend(snapshot.worker.as_ref().into_iter().flat_map(|it| worker(it, &names)));
    families.into_iter().flatten().collect()
}

/// The names of connections by their ids, as labels.
pub(super) struct Names<'a>(BTreeMap<String, &'a str>);

impl<'a> Names<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let connections = snapshot.ledger.iter().flat_map(|ledger| &ledger.connections);
        Self(connections.map(|it| (it.id.to_string(), it.name.as_str())).collect())
    }

    /// The name of a connection; nothing where it is not known, or where all are meant.
    pub(super) fn name(&self, id: &str) -> &'a str {
        self.0.get(id).copied().unwrap_or_default()
    }
}

fn process(loops: &[LoopState], sources: &[(&'static str, bool)]) -> Vec<Option<MetricFamily>> {
    let up = Family::gauge("loop_up", "1 while the loop runs and reports in time.", ["loop"]);
    let restarts = Family::counter("loop_restarts_total", "How often the loop was started again.", ["loop"]);
    let read = Family::gauge("source_up", "1 if the figures of this part could be read.", ["source"]);
    let build = Family::gauge("build_info", "1, with the version of the program.", ["version"]);
    vec![
        build.with([env!("CARGO_PKG_VERSION")], 1.0).finish(),
        loops.iter().fold(up, |up, it| up.with([&it.name], f64::from(it.up))).finish(),
        loops.iter().fold(restarts, |family, it| family.with([&it.name], number(it.restarts))).finish(),
        sources.iter().fold(read, |read, (name, well)| read.with([name], f64::from(*well))).finish(),
    ]
}

fn log(it: LogFigures) -> Option<MetricFamily> {
    let help = "Lines that the log does not show: standard error did not take them (lost), or they repeat (repeated).";
    let missing = Family::counter("log_lines_missing_total", help, ["why"]);
    missing.with(["lost"], number(it.lost)).with(["repeated"], number(it.repeated)).finish()
}

fn ingest(it: &IngestFigures) -> Vec<Option<MetricFamily>> {
    let requests =
        Family::counter("ingest_requests_total", "Requests that the ingest endpoint answered.", ["status"]);
    let accepted =
        Family::counter("ingest_events_accepted_total", "Events accepted: durable, and answered 2xx.", []);
    let latency = Family::histogram("ingest_answer_seconds", "From a request's headers to its answer.", []);
    let requests = vec![
        it.requests
            .iter()
            .fold(requests, |all, (status, n)| all.with([&status.to_string()], number(*n)))
            .finish(),
        accepted.only(number(it.accepted_events)),
        latency.with_histogram([], &it.answers).finish(),
    ];
    requests.into_iter().chain(ingest_connections(it)).chain([registrations(it)]).collect()
}

fn registrations(it: &IngestFigures) -> Option<MetricFamily> {
    let help = "Unknown API keys by result, while ingest.registration is open.";
    let family = Family::counter("ingest_registrations_total", help, ["result"]);
    it.registrations.iter().fold(family, |all, (result, n)| all.with([*result], number(*n))).finish()
}

fn ingest_connections(it: &IngestFigures) -> [Option<MetricFamily>; 4] {
    let gauge = |name, help, value| Family::gauge(name, help, []).only(number(value));
    let counter = |name, help, value| Family::counter(name, help, []).only(number(value));
    let (closed, refused) = (it.connections_closed_idle, it.connections_refused);
    [
        gauge("ingest_connections_open", "TCP connections that are open.", it.connections_open),
        counter(
            "ingest_connections_closed_idle_total",
            "Idle ones closed to make room for new ones.",
            closed,
        ),
        counter("ingest_connections_refused_total", "Refused, as their address had its share.", refused),
        gauge("ingest_body_bytes", "Memory that the bodies of requests under way use.", it.body_bytes),
    ]
}

fn queue(it: &QueueFigures) -> Vec<Option<MetricFamily>> {
    let depth =
        Family::gauge("queue_events", "Events that wait in the queue or are not yet acknowledged.", ["lane"]);
    let gauge = |name, help, value: Option<f64>| Family::gauge(name, help, []).only(value);
    let (bytes, limit) = it.bytes.map(|(bytes, limit)| (number(bytes), number(limit))).unzip();
    vec![
        depth.with(["live"], number(it.live)).with(["bulk"], number(it.bulk)).finish(),
        gauge("queue_oldest_event_seconds", "How old the oldest event in the queue is.", it.oldest),
        gauge("queue_bytes", QUEUE_BYTES, bytes),
        gauge("queue_limit_bytes", "Bytes at which the queue is full (queue.max_bytes).", limit),
    ]
}

fn missing(events: Option<u64>) -> Option<MetricFamily> {
    let help = "Accepted events that the broker confirmed and that never arrived.";
    Family::gauge("events_missing", help, []).only(events.map(number))
}

fn ledger(it: &LedgerFigures, names: &Names<'_>) -> Vec<Option<MetricFamily>> {
    let gauge = |name, help, value| Family::gauge(name, help, []).only(number(value));
    let mut families = vec![
        gauge("events_pending", "Events without an outcome yet.", it.pending),
        gauge("persons_dirty", "Persons that differ from the values last sent.", it.dirty),
        gauge("persons_waiting", "Persons that lack something that no event has stated.", it.waiting),
        gauge("dead_letters_open", "Open dead letters.", it.dead_letters),
    ];
    let help = "How old the oldest event without an outcome is.";
    families.push(Family::gauge("pending_oldest_event_seconds", help, []).only(it.oldest));
    let help = "The least time that events have waited in the queue while no worker ran.";
    families.push(Family::gauge("queue_untaken_seconds", help, []).only(it.untaken));
    let letters = Family::gauge(
        "dead_letters",
        "Open dead letters, by connection and class.",
        ["connection", "name", "class"],
    );
    let by_class = it.dead_letters_by_class.iter().fold(letters, |family, (id, class, letters)| {
        let id = id.to_string();
        family.with([&id, names.name(&id), class], number(*letters))
    });
    families.push(by_class.finish());
    families.extend(connections(&it.connections));
    families.push(audiences::family(&it.audiences, |id| names.name(id)));
    families
}

fn room(it: &RoomFigures) -> Vec<Option<MetricFamily>> {
    let gauge = |name, help, value: Option<u64>| Family::gauge(name, help, []).only(value.map(number));
    let refused = Family::gauge(
        "new_events_refused",
        "1 with the reason while new events of the connection, or of all, are refused.",
        ["connection", "reason"],
    );
    vec![
        gauge("ledger_bytes", "Bytes that the ledger has in use.", Some(it.ledger_bytes)),
        gauge("ledger_limit_bytes", "Bytes of the ledger at which new events are refused.", it.ledger_limit),
        gauge("disk_free_bytes", "The least free space on a disk of queue or ledger.", it.disk_free),
        it.refused.iter().fold(refused, |family, (id, reason)| family.with([id, reason], 1.0)).finish(),
    ]
}

fn connections(all: &[ConnectionFigures]) -> Vec<Option<MetricFamily>> {
    let active = Family::gauge(
        "connection_active",
        "1 if the connection is active, 0 if paused.",
        ["connection", "name"],
    );
    let paused = Family::gauge(
        "connection_paused",
        "1 with the reason of the pause.",
        ["connection", "name", "reason"],
    );
    let reasons =
        all.iter().filter_map(|it| it.paused_for.map(|reason| (it.id.to_string(), &it.name, reason)));
    vec![
        all.iter()
            .fold(active, |family, it| {
                family.with([&it.id.to_string(), &it.name], f64::from(it.paused_for.is_none()))
            })
            .finish(),
        reasons.fold(paused, |family, (id, name, reason)| family.with([&id, name, reason], 1.0)).finish(),
    ]
}
