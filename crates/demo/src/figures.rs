//! The figures of one run of the demo, gathered when it is over.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::{Counts, DeadLetterFilter, DeadLetterView};
use serde::Serialize;
use simulator::Calls;

use super::environment::{Environment, RATE};
use super::proof::{Ended, Proof};
use super::sender::Sent;
use service::failure::Failure;

/// Dead letters that are read for the report.
const DEAD_LETTERS: usize = 10_000;
/// Differences, faults and left-over affiliates that are listed.
pub(super) const LISTED: usize = 10;

/// All that the demo has to report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) members: usize,
    /// From the first event to the last outcome.
    pub(super) seconds: f64,
    /// Answers of the ingest endpoint by status.
    pub(super) answers: BTreeMap<u16, u64>,
    pub(super) accepted: u64,
    /// By outcome, then by reason; an empty reason is none.
    pub(super) outcomes: BTreeMap<&'static str, BTreeMap<String, u64>>,
    pub(super) calls: Vec<CallRow>,
    pub(super) rate: RateRow,
    pub(super) latencies: Vec<LatencyRow>,
    /// Injected by the simulator, by kind.
    pub(super) faults: BTreeMap<String, u64>,
    pub(super) dead: Vec<DeadRow>,
    /// Traits that no custom field takes, with the number of events that carried them.
    pub(super) unmapped: Vec<(String, u64)>,
    pub(super) proof: ProofRow,
}

/// The calls of one operation.
#[derive(Debug, Serialize)]
pub(super) struct CallRow {
    pub(super) operation: String,
    /// Answered, whatever the answer was.
    pub(super) answered: u64,
    /// Failed by a fault: no answer, 429 or 5xx. Each was retried.
    pub(super) failed: u64,
    /// Minimum number of calls for the final difference.
    pub(super) least: u64,
}

/// The promise of the rate.
#[derive(Debug, Serialize)]
pub(super) struct RateRow {
    /// The connection's ceiling, in calls a second.
    pub(super) ceiling: f64,
    /// The highest number of calls that arrived within any 10 s.
    pub(super) most_in_10s: u64,
    /// The highest number that is allowed: ten times the ceiling, plus one.
    pub(super) allowed_in_10s: u64,
}

/// How long something took.
#[derive(Debug, Serialize)]
pub(super) struct LatencyRow {
    pub(super) what: &'static str,
    pub(super) times: usize,
    pub(super) p50_ms: u64,
    pub(super) p99_ms: u64,
}

/// Dead letters of one class and field.
#[derive(Debug, Serialize)]
pub(super) struct DeadRow {
    pub(super) class: String,
    pub(super) field: Option<String>,
    pub(super) events: u64,
    /// The cause of one of them.
    pub(super) example: String,
}

/// The findings of the proof.
#[derive(Debug, Default, Serialize)]
pub(super) struct ProofRow {
    /// Affiliates that were compared with the reference model.
    pub(super) affiliates: usize,
    /// Addresses at which no affiliate may be active.
    pub(super) forbidden: usize,
    pub(super) differences: usize,
    pub(super) first_differences: Vec<String>,
    /// Events whose outcomes were looked up.
    pub(super) events: usize,
    pub(super) outcome_faults: usize,
    pub(super) first_outcome_faults: Vec<String>,
    /// Affiliates that are bound to no person and that no delete disabled.
    pub(super) left_over: Vec<String>,
    /// Affiliates that deletes disabled.
    pub(super) disabled: usize,
}

/// Gathers everything.
pub(super) async fn gather(
    environment: &Environment,
    (seed, members, took): (u64, usize, Duration),
    sent: &Sent,
    ended: &Ended,
    proof: Proof,
) -> Result<Report, Failure> {
    let engines = environment.stack.engines();
    let Counts { unmapped, .. } = engines.ledger.counts(None, engines.now()).await?;
    let filter = DeadLetterFilter { limit: DEAD_LETTERS, ..DeadLetterFilter::default() };
    let letters = engines.ledger.dead_letters(&filter).await?;
    let calls = environment.simulator.with(|simulator, _| simulator.calls());
    let most_in_10s = calls.accounts.first().map_or(0, |account| account.max_in_10s);
    Ok(Report {
        seed,
        members,
        seconds: took.as_secs_f64(),
        answers: sent.answers.clone(),
        accepted: u64::try_from(sent.accepted.len()).unwrap_or(u64::MAX),
        outcomes: ended.outcomes(),
        calls: call_rows(&calls, &proof),
        rate: RateRow { ceiling: RATE, most_in_10s, allowed_in_10s: allowed_in_10s(RATE) },
        latencies: vec![
            latency("ingest answer", sent.took.clone()),
            latency("accepted to outcome, live", ended.took(sent, false)),
            latency("accepted to outcome, bulk", ended.took(sent, true)),
        ],
        faults: calls.faults,
        dead: dead_rows(&letters),
        unmapped,
        proof: ProofRow::of(proof),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is positive and below 10,000"
)]
fn allowed_in_10s(rate: f64) -> u64 {
    (rate * 10.0 + 1.0).floor() as u64
}

fn call_rows(calls: &Calls, proof: &Proof) -> Vec<CallRow> {
    let batches = |items: usize| u64::try_from(items.div_ceil(50)).unwrap_or(u64::MAX);
    let least = |operation: &str| match operation {
        "affiliate/new" => u64::try_from(proof.least.creates).unwrap_or(u64::MAX),
        "affiliate/edit" => batches(proof.least.edits),
        "affiliate/status_change" => batches(proof.least.status_changes),
        _ => 0,
    };
    let row = |(operation, statuses): (&String, &BTreeMap<String, u64>)| {
        let failed = statuses.iter().filter(|(status, _)| is_failed(status)).map(|(_, count)| count).sum();
        let all: u64 = statuses.values().sum();
        CallRow { operation: operation.clone(), answered: all - failed, failed, least: least(operation) }
    };
    calls.by_operation.iter().map(row).collect()
}

/// Whether an answer carries no result: `dropped`, 429 or 5xx.
fn is_failed(status: &str) -> bool {
    status.parse::<u16>().map_or(true, |status| status == 429 || status >= 500)
}

fn latency(what: &'static str, mut took: Vec<Duration>) -> LatencyRow {
    took.sort_unstable();
    let at = |percent: usize| {
        let place = (took.len() * percent).div_ceil(100).saturating_sub(1);
        let millis = took.get(place).copied().unwrap_or_default().as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX)
    };
    LatencyRow { what, times: took.len(), p50_ms: at(50), p99_ms: at(99) }
}

fn dead_rows(letters: &[DeadLetterView]) -> Vec<DeadRow> {
    let mut rows: BTreeMap<_, DeadRow> = BTreeMap::new();
    for letter in letters {
        let row = rows.entry((&letter.class, &letter.field)).or_insert_with(|| DeadRow {
            class: letter.class.clone(),
            field: letter.field.clone(),
            events: 0,
            example: letter.cause.clone(),
        });
        row.events += 1;
    }
    rows.into_values().collect()
}

impl ProofRow {
    fn of(proof: Proof) -> Self {
        let (disabled, left): (Vec<_>, Vec<_>) =
            proof.left_over.iter().partition(|affiliate| affiliate.status == "DISABLED");
        let first = |lines: &[String]| lines.iter().take(LISTED).cloned().collect();
        Self {
            affiliates: proof.compared,
            forbidden: proof.forbidden,
            differences: proof.differences.len(),
            first_differences: first(&proof.differences),
            events: proof.events,
            outcome_faults: proof.outcome_faults.len(),
            first_outcome_faults: first(&proof.outcome_faults),
            left_over: left.iter().map(|it| format!("{} ({}, {})", it.email, it.id, it.status)).collect(),
            disabled: disabled.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let row = latency("it", (1..=200).map(Duration::from_millis).collect());
        assert_eq!((row.p50_ms, row.p99_ms, row.times), (100, 198, 200));
        let none = latency("it", Vec::new());
        assert_eq!((none.p50_ms, none.p99_ms), (0, 0));
    }

    #[test]
    fn only_answers_without_a_result_count_as_failed() {
        for status in ["dropped", "429", "500", "503"] {
            assert!(is_failed(status), "{status}");
        }
        for status in ["200", "401", "422"] {
            assert!(!is_failed(status), "{status}");
        }
    }
}
