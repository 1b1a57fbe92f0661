//! What calls that go badly or slowly teach. A few of them are the weather; a great share of them is trouble.

use std::time::Duration;

/// Answers are judged together over at least this long …
const WINDOW: Duration = Duration::from_secs(1);
/// … and this many calls: of few calls a single bad one would be a great share.
const CALLS: u32 = 20;
/// A greater share of bad answers shrinks the rate.
const TROUBLE: f64 = 0.25;
/// A greater share of slow answers does, too.
const SLOW_TROUBLE: f64 = 0.1;
/// What trouble leaves of the rate at least.
const LEFT_AT_LEAST: f64 = 0.5;
/// What slow answers leave of the rate.
const LEFT_OF_SLOW: f64 = 0.9;
/// An answer is slow if it takes longer than this and than [`SLOW_FACTOR`] times the usual.
const SLOW: Duration = Duration::from_secs(2);
/// See [`SLOW`].
const SLOW_FACTOR: f64 = 4.0;

/// What is wrong with the calls of late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trouble {
    /// So great a share of them went badly.
    Bad(f64),
    /// Too many of them were slow.
    Slow,
}

impl Trouble {
    /// The share of the rate that is left.
    pub(super) fn left(self) -> f64 {
        match self {
            Self::Bad(share) => (1.0 - share).max(LEFT_AT_LEAST),
            Self::Slow => LEFT_OF_SLOW,
        }
    }
}

/// How the calls of late went.
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

    /// A call was answered; whether that was slow.
    pub(super) fn well(&mut self, took: Duration) -> bool {
        let seconds = took.as_secs_f64();
        let usual = self.usual_seconds.unwrap_or(seconds);
        let is_slow = took > SLOW && seconds > SLOW_FACTOR * usual;
        self.usual_seconds = Some(usual * 0.95 + seconds * 0.05);
        self.calls += 1;
        self.slow += u32::from(is_slow);
        is_slow
    }

    /// A call was not answered, or by an error of the API.
    pub(super) fn badly(&mut self) {
        self.calls += 1;
        self.bad += 1;
    }

    /// What is wrong, if enough calls went badly since the last judgement.
    pub(super) fn judge(&mut self, now: Duration) -> Option<Trouble> {
        if self.calls < CALLS || now < self.since + WINDOW {
            return None;
        }
        let share = |part: u32| f64::from(part) / f64::from(self.calls);
        let (bad, slow) = (share(self.bad), share(self.slow));
        *self = Self { usual_seconds: self.usual_seconds, ..Self::new(now) };
        if bad > TROUBLE { Some(Trouble::Bad(bad)) } else { (slow > SLOW_TROUBLE).then_some(Trouble::Slow) }
    }
}
