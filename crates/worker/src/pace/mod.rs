//! The pace of one connection's calls: rate and concurrency, learned below a ceiling. Pure: time is injected.
//!
//! `limit` learns from throttled calls, `health` from calls that fail or are slow; `recovery` raises the rate again after the
//! latter; `arrivals` keeps the ceiling.

mod answers;
mod arrivals;
mod closed;
mod growth;
mod health;
mod limit;
pub mod measure;
mod recovery;
mod under_way;

use std::time::Duration;

use arrivals::Arrivals;
use health::Health;
use limit::{Call, Limit};
use under_way::UnderWay;

/// The rate never falls below this, so that a recovered API is noticed.
const SLOWEST: f64 = 0.1;
/// The share of a second's calls that may start at once, to make up for timers that fire late.
const BURST: f64 = 0.01;
/// The shortest wait for which a timer is used.
const A_MOMENT: Duration = Duration::from_micros(100);

/// The result of a call, as far as the pace is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// Answered, whatever the answer.
    Succeeded,
    /// Too many calls; with the time that the server asks us to wait.
    Throttled(Option<Duration>),
    /// No answer, a 5xx, or an answer that cannot be read.
    Failed,
}

/// The pace. All times are durations since some fixed moment.
#[derive(Clone, Debug)]
pub struct Pace {
    rate: f64,
    tokens: f64,
    filled_at: Duration,
    wait_until: Duration,
    limit: Limit,
    health: Health,
    most: f64,
    places: f64,
    arrivals: Arrivals,
    under_way: UnderWay,
    failures_in_a_row: u32,
}

impl Pace {
    /// A pace that begins with an empty bucket, so that two holders of a connection together keep the rate.
    ///
    /// `ceiling` and `learned` are calls a second; `most` is the greatest number of calls under way.
    #[must_use]
    pub fn new(ceiling: f64, learned: Option<f64>, most: usize, now: Duration) -> Self {
        let rate = learned.unwrap_or(ceiling).clamp(SLOWEST.min(ceiling), ceiling);
        let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
        Self {
            rate,
            tokens: 0.0,
            filled_at: now,
            wait_until: now,
            limit: Limit::new(ceiling, rate, now),
            health: Health::new(now),
            most,
            places: most.min((rate / 2.0).max(4.0)),
            arrivals: Arrivals::default(),
            under_way: UnderWay::default(),
            failures_in_a_row: 0,
        }
    }

    /// Sets the ceiling: a lower one applies at once, the rate grows up to a higher one.
    pub fn set_ceiling(&mut self, ceiling: f64, now: Duration) {
        if (ceiling - self.limit.ceiling()).abs() > f64::EPSILON {
            self.limit.set_ceiling(ceiling, now);
            self.look_at_rate(now);
        }
    }

    fn look_at_rate(&mut self, now: Duration) {
        self.rate = self.limit.rate(now);
        self.tokens = self.tokens.min(self.burst());
    }

    /// The rate in use, in calls a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The rate that the API accepts when it is healthy, as far as is known: a later holder begins with it, and replay plans use it.
    /// An outage does not lower it.
    #[must_use]
    pub fn learned(&self, now: Duration) -> f64 {
        self.limit.sustainable_rate(now)
    }

    /// Until when no call starts, because the server asked for that.
    #[must_use]
    pub fn waits_until(&self) -> Duration {
        self.wait_until
    }

    /// Lets no call start before `until`.
    pub fn pause_until(&mut self, until: Duration) {
        self.wait_until = self.wait_until.max(until);
    }

    /// Lets calls start again, although Refersion asked to wait.
    pub fn end_pause(&mut self) {
        self.wait_until = Duration::ZERO;
    }

    /// Number of failed calls in a row.
    #[must_use]
    pub fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    /// Forgets the failures: a probe has succeeded.
    pub fn recovered(&mut self) {
        self.failures_in_a_row = 0;
    }

    /// The bucket's size. With it, and a refill a thousandth below the rate, no more than rate × 10 + 1 calls start in any 10 s.
    fn burst(&self) -> f64 {
        1.0 + self.rate * BURST
    }

    fn refill(&self) -> f64 {
        self.rate * (1.0 - BURST / 10.0)
    }

    fn fill(&mut self, now: Duration) {
        self.look_at_rate(now);
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.refill()).min(self.burst());
        self.filled_at = self.filled_at.max(now);
    }

    /// Starts a call if it may start now; else says how long to wait before asking again (`None`: until one ends).
    ///
    /// # Errors
    ///
    /// The time to wait.
    pub fn start(&mut self, now: Duration) -> Result<(), Option<Duration>> {
        if self.in_flight_as_float() >= self.places(now) {
            return Err(None);
        }
        if now < self.wait_until {
            return Err(Some(self.wait_until.saturating_sub(now)));
        }
        self.arrivals.wait_for_room(now, self.limit.ceiling())?;
        self.fill(now);
        if self.tokens < 1.0 {
            let missing = (1.0 - self.tokens) / self.refill();
            return Err(Some(Duration::from_secs_f64(missing).max(A_MOMENT)));
        }
        self.tokens -= 1.0;
        self.under_way.started(now, self.arrivals.in_flight());
        self.arrivals.started();
        Ok(())
    }

    /// Maximum number of calls under way.
    fn places(&self, now: Duration) -> f64 {
        self.places.min(self.limit.concurrency(now)).floor().max(1.0)
    }

    fn in_flight_as_float(&self) -> f64 {
        f64::from(u32::try_from(self.arrivals.in_flight()).unwrap_or(u32::MAX))
    }

    /// How many further calls could start within `soon`, in addition to `in_progress` that are under way or wait to start.
    #[must_use]
    pub fn room(&mut self, now: Duration, soon: Duration, in_progress: usize) -> usize {
        if now + soon < self.wait_until {
            return 0;
        }
        self.fill(now);
        let waiting = in_progress.saturating_sub(self.arrivals.in_flight());
        let may_arrive = self.arrivals.room(now + soon, self.limit.ceiling()).saturating_sub(waiting);
        let startable = (self.tokens + self.refill() * soon.as_secs_f64()).floor();
        let places = self.places(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both are small and not negative"
        )]
        let (startable, places) = (startable.max(0.0) as usize, places as usize);
        startable.saturating_sub(waiting).min(places.saturating_sub(in_progress)).min(may_arrive)
    }

    /// Notes that a started call ended.
    pub fn ended(&mut self, now: Duration, result: CallResult, took: Duration) {
        let is_crowded = self.in_flight_as_float() >= self.places.floor();
        self.arrivals.ended(now);
        let started = now.saturating_sub(took);
        let call = Call { started, beside: self.under_way.ended(started) };
        match result {
            CallResult::Succeeded => {
                self.failures_in_a_row = 0;
                self.limit.passed(call, now);
                if !self.health.well(took) {
                    self.limit.well(now);
                    if is_crowded {
                        self.places = (self.places + 1.0).min(self.most);
                    }
                }
            }
            CallResult::Throttled(wait) => {
                self.failures_in_a_row = 0;
                let closed = self.limit.throttled(call, now);
                self.pause_until(closed.unwrap_or_default());
                self.pause_until(now + wait.unwrap_or_default());
            }
            CallResult::Failed => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.limit.unwell();
                self.health.badly();
            }
        }
        if let Some(problem) = self.health.judge(now) {
            self.limit.shrink(problem, now);
            self.places = (self.places * problem.left()).max(1.0);
        }
        self.look_at_rate(now);
    }
}

#[cfg(test)]
mod tests;
