//! The vocabulary of the worker's metrics: names, meanings and labels.

use prometheus::proto::MetricFamily;

use super::families::Names;
use super::family::{Family, number};
use super::snapshot::WorkerFigures;

pub(super) fn worker(it: &WorkerFigures, names: &Names<'_>) -> Vec<Option<MetricFamily>> {
    let absorbed = Family::counter("events_absorbed_total", "Events folded into profiles.", []);
    let batches = Family::counter("absorb_batches_total", "Transactions that absorbed events.", []);
    let too_large = "Events of which a value was refused because it exceeds a bound.";
    let too_large = Family::counter("events_too_large_total", too_large, []);
    let ended = Family::counter("events_ended_total", "Events ended.", ["outcome"]);
    let calls = Family::counter("refersion_calls_total", "Calls to Refersion.", ["went"]);
    let latency = Family::histogram("refersion_call_seconds", "How long calls to Refersion took.", []);
    let rates = Family::gauge("refersion_rate_calls_per_second", "The rate in use.", ["connection", "name"]);
    let rate = |family: Family<2>, (id, rate): (&i64, &f64)| {
        let id = id.to_string();
        family.with([&id, names.name(&id)], *rate)
    };
    let settling =
        Family::summary("event_settling_seconds", "From the ingest endpoint to the outcome.", ["lane"]);
    let longest = Family::gauge("event_settling_longest_seconds", "The longest of these.", ["lane"]);
    let mut left_out = left_out(it);
    left_out.extend([
        absorbed.only(number(it.absorbed_events)),
        batches.only(number(it.absorbed_batches)),
        too_large.only(number(it.too_large_events)),
        it.outcomes.iter().fold(ended, |family, (outcome, n)| family.with([outcome], number(*n))).finish(),
        it.calls.iter().fold(calls, |family, (went, n)| family.with([went], number(*n))).finish(),
        latency.with_histogram([], &it.call_latency).finish(),
        it.rates.iter().fold(rates, rate).finish(),
        it.settling.iter().fold(settling, |family, (lane, it)| family.with_summary([lane], it)).finish(),
        it.settling.iter().fold(longest, |family, (lane, it)| family.with([lane], it.longest)).finish(),
    ]);
    left_out
}

fn left_out(it: &WorkerFigures) -> Vec<Option<MetricFamily>> {
    let blocked = "Events with a blocked identifier.";
    let blocked = Family::counter("events_blocked_identifier_total", blocked, ["place"]);
    let shared = "Events with a shared identifier.";
    let shared = Family::counter("events_shared_identifier_total", shared, ["place"]);
    let unusable =
        "Events with a value that cannot be used; traits that are not sent are counted as unmapped.";
    let unusable = Family::counter("events_unusable_value_total", unusable, ["trait", "reason"]);
    let values = it.unusable_values.iter();
    vec![
        it.blocked_identifiers.iter().fold(blocked, |all, (place, n)| all.with([place], number(*n))).finish(),
        it.shared_identifiers.iter().fold(shared, |all, (place, n)| all.with([place], number(*n))).finish(),
        values.fold(unusable, |all, ((name, reason), n)| all.with([name, reason], number(*n))).finish(),
    ]
}
