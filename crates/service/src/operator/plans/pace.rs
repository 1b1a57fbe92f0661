//! How much of a plan may be under way: calls a second, and calls ahead of their answers.

use std::collections::BTreeMap;

use connections::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use ledger::ProcessReport;
use ledger::plans::WEIGHT_OF_A_CALL;
use tokio::time::Instant;

/// Greatest age of a process report that counts, and greatest difference of its clock.
const HEARD_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// Seconds of calls that are released ahead: enough that no call waits for the next look, and few enough that a pause is
/// felt within 2 s.
const SECONDS_AHEAD: f64 = 2.0;

/// Calls that may be under way at any rate.
const FEWEST_AHEAD: f64 = 2.0;

/// Weight that may be under way for a connection, at the rate in calls a second that it bears.
pub(super) fn ahead(rate: f64) -> u64 {
    weight((rate * SECONDS_AHEAD).max(FEWEST_AHEAD))
}

/// The rates in use, by connection, of processes with a recent report. After an outage a worker is slower for some seconds than
/// its learned rate: a pause could not take back events that were released at the learned rate.
pub(super) fn rates_in_use(processes: &[ProcessReport], now: Timestamp) -> BTreeMap<ConnectionId, f64> {
    let is_heard_of =
        |it: &&ProcessReport| it.ended_at.is_none() && now.duration_since(it.beat_at).abs() <= HEARD_WITHIN;
    let mut rates: BTreeMap<ConnectionId, f64> = BTreeMap::new();
    for held in processes.iter().filter(is_heard_of).flat_map(|process| &process.connections) {
        let Some(rate) = held.rate else { continue };
        rates.entry(held.id).and_modify(|slowest| *slowest = slowest.min(rate)).or_insert(rate);
    }
    rates
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "calls are few and not negative; a float saturates"
)]
fn weight(calls: f64) -> u64 {
    (calls * f64::from(WEIGHT_OF_A_CALL)) as u64
}

/// Whole calls that a rate allows. It begins with none, so that a process that takes over or resumes a run adds none. A person
/// that needs several calls at once takes them in advance: then none is allowed until the rate has made up for it.
#[derive(Debug)]
pub(super) struct Bucket {
    calls: f64,
    filled_at: Instant,
}

impl Bucket {
    pub(super) fn new(now: Instant) -> Self {
        Self { calls: 0.0, filled_at: now }
    }

    /// The calls that may be made now, at this rate.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "calls are few and not negative; a float saturates"
    )]
    pub(super) fn allows(&mut self, rate: Option<f64>, now: Instant) -> u64 {
        let Some(rate) = rate else { return u64::MAX };
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.filled_at = now;
        self.calls = (self.calls + passed * rate).min(rate.max(1.0));
        self.calls.floor().max(0.0) as u64
    }

    /// Takes the calls of events that were released.
    #[expect(clippy::cast_precision_loss, reason = "calls are few")]
    pub(super) fn spend(&mut self, calls: u64) {
        self.calls -= calls as f64;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_is_kept_over_any_time() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(begin);
        let mut calls = 0;
        for tick in 0..400 {
            let now = begin + Duration::from_millis(250 * tick);
            let allowed = bucket.allows(Some(5.0), now);
            bucket.spend(allowed);
            calls += allowed;
            assert!(calls <= tick * 5 / 4, "{calls} calls after {tick} quarters of a second");
        }
        assert!(calls >= 495, "{calls} calls in 100 s at 5/s");
        assert_eq!(bucket.allows(None, begin), u64::MAX);
    }

    #[test]
    fn calls_taken_in_advance_are_compensated_later() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(begin);
        let mut after = |seconds| bucket_after(&mut bucket, begin + Duration::from_secs(seconds));
        assert_eq!(after(0), 0, "it begins with none");
        assert_eq!([after(1), after(2), after(3), after(4)], [1, 0, 0, 1]);
    }

    /// Takes three calls as soon as one is allowed, at one call a second.
    fn bucket_after(bucket: &mut Bucket, now: Instant) -> u64 {
        let allowed = bucket.allows(Some(1.0), now);
        bucket.spend(if allowed > 0 { 3 } else { 0 });
        allowed
    }

    fn process(beat: i64, ended: Option<i64>, rate: Option<f64>) -> ProcessReport {
        let at = |second| Timestamp::from_second(second).expect("a time");
        ProcessReport {
            id: uuid::Uuid::nil(),
            role: ledger::ProcessRole::Worker,
            host: String::new(),
            pid: 1,
            version: String::new(),
            started_at: at(0),
            beat_at: at(beat),
            ended_at: ended.map(at),
            connections: vec![ledger::HeldConnection { id: 7, rate }],
            notes_arrivals: true,
            untaken_since: None,
            registrations: None,
            refused_signatures: Vec::new(),
        }
    }

    #[test]
    fn plans_use_the_rate_reported_by_a_living_worker() {
        let now = Timestamp::from_second(100).expect("a time");
        let rates = |processes: &[ProcessReport]| rates_in_use(processes, now).get(&7).copied();
        let (lives, slower) = (process(95, None, Some(20.0)), process(98, None, Some(3.0)));
        assert_eq!(rates(&[lives.clone(), slower]), Some(3.0));
        let silent =
            [process(89, None, Some(1.0)), process(99, Some(99), Some(1.0)), process(99, None, None)];
        assert_eq!(rates(&silent), None);
        assert_eq!(rates(&[&silent[..], &[lives]].concat()), Some(20.0));
    }

    #[test]
    fn calls_are_released_two_seconds_ahead_and_at_least_two() {
        assert_eq!((ahead(5.0), ahead(0.1)), (10_000, 2_000));
    }
}
