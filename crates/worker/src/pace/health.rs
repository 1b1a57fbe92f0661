//! Learns from calls that fail or are slow. A few of them are normal; a large share of them lowers the rate.

use std::time::Duration;

/// Answers are judged together over at least this long …
const WINDOW: Duration = Duration::from_secs(1);
/// … and this many calls: of few calls a single bad one would be a large share.
const CALLS: u32 = 20;
/// Share of bad answers above which the rate is lowered.
const BAD_SHARE: f64 = 0.25;
/// Share of slow answers above which the rate is lowered.
const SLOW_SHARE: f64 = 0.1;
/// The smallest share of the rate that is left after bad answers.
const LEFT_AT_LEAST: f64 = 0.5;
/// The share of the rate that is left after slow answers.
const LEFT_OF_SLOW: f64 = 0.9;
/// An answer is slow if it takes longer than this and than [`SLOW_FACTOR`] times the usual.
const SLOW: Duration = Duration::from_secs(2);
/// See [`SLOW`].
const SLOW_FACTOR: f64 = 4.0;

/// A problem of the latest calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Problem {
    /// This share of them failed.
    Bad(f64),
    /// Too many of them were slow.
    Slow,
}

impl Problem {
    /// The share of the rate that is left.
    pub(super) fn left(self) -> f64 {
        match self {
            Self::Bad(share) => (1.0 - share).max(LEFT_AT_LEAST),
            Self::Slow => LEFT_OF_SLOW,
        }
    }
}

/// The results of the latest calls.
#[derive(Clone, Debug)]
pub(super) struct Health {
    since: Duration,
    calls: u32,
    bad: u32,
    slow: u32,
    usual_seconds: Option<f64>,
}

impl Health {
    pub(super) fn new(now: Duration) -> Self {
        Self { since: now, calls: 0, bad: 0, slow: 0, usual_seconds: None }
    }

    /// Notes an answered call; returns whether it was slow.
    pub(super) fn well(&mut self, took: Duration) -> bool {
        let seconds = took.as_secs_f64();
        let usual = self.usual_seconds.unwrap_or(seconds);
        let is_slow = took > SLOW && seconds > SLOW_FACTOR * usual;
        self.usual_seconds = Some(usual * 0.95 + seconds * 0.05);
        self.calls += 1;
        self.slow += u32::from(is_slow);
        is_slow
    }

    /// Notes a call without an answer, or with an error of the API.
    pub(super) fn badly(&mut self) {
        self.calls += 1;
        self.bad += 1;
    }

    /// The problem, if enough calls failed or were slow since the last judgement.
    pub(super) fn judge(&mut self, now: Duration) -> Option<Problem> {
        if self.calls < CALLS || now < self.since + WINDOW {
            return None;
        }
        let share = |part: u32| f64::from(part) / f64::from(self.calls);
        let (bad, slow) = (share(self.bad), share(self.slow));
        *self = Self { usual_seconds: self.usual_seconds, ..Self::new(now) };
        if bad > BAD_SHARE { Some(Problem::Bad(bad)) } else { (slow > SLOW_SHARE).then_some(Problem::Slow) }
    }
}
