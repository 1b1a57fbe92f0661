//! Finds a limit that is not documented, from calls that were answered with "too many calls" (429).
//!
//! Four shapes of limits are known from other APIs, and each has its own signs:
//!
//! - *A token bucket*: some of the calls are throttled. Between two moments at which the bucket was empty, exactly as many calls
//!   succeeded as it allows, so their number is the limit.
//! - *A window* of seconds or minutes: from some moment on all calls are throttled, until the next window. One call at a time
//!   probes whether it has begun; the calls since the last window are the limit.
//! - *Concurrent calls*: the throttled calls are those that started while more calls were under way than usual.
//! - *Chance*, such as a busy gateway: a few calls, far apart. It is not a limit, and nothing is learned from it.

use std::time::Duration;

use super::SLOWEST;
use super::answers::Answers;
use super::closed::{Closed, FIRST_LOOK};
use super::growth::{Growth, OF_CONCURRENCY, OF_RATE};
use super::health::Problem;
use super::recovery::Recovery;

/// Number of throttled answers in a row after which all calls count as throttled.
const ALL: u32 = 3;
/// The share of a limit that is used after it was found.
const LEFT: f64 = 0.9;
/// The same for the limit of a window: it is hit seldom, so it needs less margin.
const LEFT_OF_WINDOW: f64 = 0.98;
/// The share of the rate that is left if too little is known about the limit.
const LEFT_BLINDLY: f64 = 0.7;
/// The same if all calls are throttled.
const LEFT_OF_NOTHING: f64 = 0.5;
/// The smallest share of the rate that is left.
const LEFT_AT_LEAST: f64 = 0.3;
/// Shortest time of counting calls after which their number is a limit.
const COUNTED: Duration = Duration::from_secs(1);
/// If all calls were throttled for longer than this, the limit is that of a window.
const WINDOW: Duration = Duration::from_millis(1500);
/// A window that was closed for some time is not tried again before about this multiple of it …
const TRIED_AGAIN_AFTER: f64 = 2.5;
/// … and growth is at most this many times as slow as usual, for two windows: it may have been a mishap of the API.
const STRETCHED_AT_MOST: f64 = 6.0;
/// A window takes at least this many calls before it closes.
const CALLS_OF_WINDOW: f64 = 24.0;
/// If fewer calls than this passed since calls passed again, the limit only closes again, and the rate stays.
const TOO_FEW_TO_LEARN: f64 = 3.0;
/// If calls are throttled again this soon, concurrency was not the cause, and is not suspected for a while.
const REFUTED_WITHIN: Duration = Duration::from_secs(2);
const NOT_BLAMED_FOR: Duration = Duration::from_secs(30);

/// A call that ended: when it started, and beside how many others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) started: Duration,
    pub(super) beside: usize,
}

/// Calls that were answered well since some moment.
#[derive(Clone, Copy, Debug)]
struct Count {
    since: Duration,
    calls: f64,
}

impl Count {
    fn from(now: Duration) -> Self {
        Self { since: now, calls: 0.0 }
    }

    fn per_second(self, now: Duration) -> f64 {
        self.calls / now.saturating_sub(self.since).as_secs_f64().max(0.001)
    }
}

/// The limit as far as it is known. All times are durations since some fixed moment.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    ceiling: f64,
    rate: Growth,
    concurrency: Growth,
    answers: Answers,
    /// Since the rate was last found too high; `None`: it never was.
    found: Option<Count>,
    /// Since a window last opened, or the beginning.
    window: Count,
    in_a_row: u32,
    throttled_since: Duration,
    /// Set while all calls are throttled.
    closed: Option<Closed>,
    /// Since calls passed again.
    opened: Count,
    /// Set if the limit is that of a window: the factor by which the rate grows more slowly than usual.
    stretched: Option<f64>,
    /// When an answer last changed the rate or the concurrency.
    changed_at: Duration,
    blamed_at: Option<Duration>,
    refuted_at: Option<Duration>,
    recovery: Recovery,
}

impl Limit {
    pub(super) fn new(ceiling: f64, rate: f64, now: Duration) -> Self {
        Self {
            ceiling,
            rate: Growth::new(rate, OF_RATE, now),
            concurrency: Growth::new(f64::MAX, OF_CONCURRENCY, now),
            answers: Answers::default(),
            found: None,
            window: Count::from(now),
            in_a_row: 0,
            throttled_since: now,
            closed: None,
            opened: Count { calls: TOO_FEW_TO_LEARN, ..Count::from(now) },
            stretched: None,
            changed_at: now,
            blamed_at: None,
            refuted_at: None,
            recovery: Recovery::default(),
        }
    }

    pub(super) fn ceiling(&self) -> f64 {
        self.ceiling
    }

    pub(super) fn rate(&self, now: Duration) -> f64 {
        self.rate.value(now).clamp(SLOWEST.min(self.ceiling), self.ceiling)
    }

    /// Maximum number of concurrent calls that the limit allows.
    pub(super) fn concurrency(&self, now: Duration) -> f64 {
        // While all calls are throttled, one call at a time probes whether this is over.
        if self.closed.is_some() { 1.0 } else { self.concurrency.value(now) }
    }

    pub(super) fn set_ceiling(&mut self, ceiling: f64, now: Duration) {
        let rate = self.rate(now);
        let safe = if rate >= self.ceiling { ceiling } else { rate.min(ceiling) };
        self.ceiling = ceiling;
        self.recovery.set_ceiling(ceiling);
        self.rate.restart(safe, now);
    }

    /// Lowers the rate because the API fails or is slow.
    pub(super) fn shrink(&mut self, problem: Problem, now: Duration) {
        let rate = self.rate(now);
        match problem {
            Problem::Bad(_) => self.recovery.falls_from(rate, self.ceiling),
            // It answers nevertheless, so this rate may be the most that it can serve.
            Problem::Slow => self.recovery.ends(),
        }
        self.rate.restart(rate * problem.left(), now);
    }

    /// Notes a call that succeeded in time: after trouble, each of them raises the rate again.
    pub(super) fn well(&mut self, now: Duration) {
        let risen = if self.closed.is_none() { self.recovery.well(self.rate(now)) } else { None };
        if let Some(rate) = risen {
            self.rate.restart(rate, now);
        }
    }

    /// The rate that the API accepts when it is healthy, as far as is known.
    pub(super) fn sustainable_rate(&self, now: Duration) -> f64 {
        self.recovery.sustainable_rate(self.rate(now))
    }

    /// Notes an answered call, whatever the answer.
    pub(super) fn passed(&mut self, call: Call, now: Duration) {
        self.count();
        let throttled_before = std::mem::take(&mut self.in_a_row);
        if call.started < self.changed_at {
            return;
        }
        if self.rate.is_safe(now) && self.closed.is_none() {
            self.answers.learn_chance(throttled_before);
        }
        self.judge(false, call.beside);
        if let Some(closed) = self.closed.take() {
            // It opened at some moment between the last two probes.
            self.open(closed.since + now.saturating_sub(closed.since) / 2, now);
        }
    }

    /// Notes a throttled call. Returns until when no call is to start.
    pub(super) fn throttled(&mut self, call: Call, now: Duration) -> Option<Duration> {
        if self.in_a_row == 0 {
            self.throttled_since = now;
        }
        self.in_a_row += 1;
        self.recovery.ends();
        // A call that started before the rate was lowered says nothing about the current rate.
        let is_new = call.started >= self.changed_at;
        if is_new {
            self.judge(true, call.beside);
        }
        match &mut self.closed {
            Some(closed) if is_new => *closed = Closed::look_at(now, closed.wait),
            Some(_) => {}
            None if self.in_a_row >= ALL => {
                if self.opened.calls >= TOO_FEW_TO_LEARN {
                    self.lower(LEFT_OF_NOTHING, now);
                }
                self.closed = Some(Closed::look_at(now, FIRST_LOOK));
            }
            None if self.answers.are_throttled_too_often() => self.find(now),
            None => {}
        }
        self.closed.map(|closed| closed.until)
    }

    /// Notes a call that failed without being throttled.
    pub(super) fn unwell(&mut self) {
        self.recovery.badly();
        self.count();
    }

    fn count(&mut self) {
        self.window.calls += 1.0;
        self.opened.calls += 1.0;
        if let Some(found) = &mut self.found {
            found.calls += 1.0;
        }
    }

    fn judge(&mut self, is_throttled: bool, beside: usize) {
        self.rate.answered();
        self.concurrency.answered();
        self.answers.add(is_throttled, beside);
    }

    /// Finds out why too many calls are throttled: too many at the same time, or too many a second.
    fn find(&mut self, now: Duration) {
        if self.blamed_at.take().is_some_and(|at| now < at + REFUTED_WITHIN) {
            self.refuted_at = Some(now);
            self.concurrency.restart(f64::MAX, now);
        }
        let may_blame = self.refuted_at.is_none_or(|at| now > at + NOT_BLAMED_FOR);
        match self.answers.too_many_beside().filter(|_| may_blame) {
            Some(beside) => {
                self.blamed_at = Some(now);
                self.concurrency.restart(beside.max(1.0), now);
                self.answers.clear();
                self.changed_at = now;
            }
            None => self.lower(LEFT_BLINDLY, now),
        }
    }

    /// Lowers the rate: the number of calls that succeeded since the last time is the limit.
    fn lower(&mut self, blindly: f64, now: Duration) {
        let rate = self.rate(now);
        let lower = match self.found {
            Some(found) if now <= found.since + COUNTED => rate * blindly,
            found => {
                self.found = Some(Count::from(now));
                found.map_or(rate * LEFT_OF_NOTHING, |found| {
                    (found.per_second(now).min(rate) * LEFT).max(rate * LEFT_AT_LEAST)
                })
            }
        };
        self.rate.restart(lower, now);
        self.answers.clear();
        self.changed_at = now;
    }

    /// Notes that calls pass again, since `opened`.
    fn open(&mut self, opened: Duration, now: Duration) {
        self.answers.clear();
        let closed = opened.saturating_sub(self.throttled_since);
        if self.opened.calls < CALLS_OF_WINDOW {
            // A limit that closes again this soon is not a window.
            self.stretched = None;
        } else if closed > WINDOW {
            let stretched = closed.as_secs_f64() * TRIED_AGAIN_AFTER;
            self.stretched = Some(stretched.clamp(1.0, STRETCHED_AT_MOST));
        }
        self.opened = Count::from(now);
        match self.stretched {
            Some(stretched) => {
                let rate = self.window.per_second(opened) * LEFT_OF_WINDOW;
                let windows = opened.saturating_sub(self.window.since) * 2;
                self.rate.restart_slowly(rate, now, stretched, windows);
                self.found = Some(Count::from(now));
            }
            None => self.rate.restart(self.rate(now), now),
        }
        if closed > WINDOW {
            self.window = Count::from(opened);
        }
    }
}
