//! The pace of one connection's calls: rate and concurrency, learned below a ceiling. Pure: time is handed in.

mod arrivals;

use std::time::Duration;

use arrivals::Arrivals;

/// The rate never falls below this, so that a recovered API is noticed.
const SLOWEST: f64 = 0.1;
/// Answers are judged together over at least this long: one of them alone may be chance.
const WINDOW: Duration = Duration::from_secs(1);
/// A greater share of throttled or unwell answers in a window shrinks the rate; a smaller one is the weather.
const TROUBLE: f64 = 0.03;
/// What a window of trouble leaves, at most, of the rate that was answered well.
const SHRINK: f64 = 0.95;
/// What a window of trouble leaves of the rate at least.
const SHRINK_AT_MOST: f64 = 0.5;
/// What a window of slow answers leaves of the rate.
const SLOW_SHRINK: f64 = 0.9;
/// How much of the ceiling each well window adds.
const GROWTH: f64 = 0.02;
/// An answer is slow if it takes longer than this and than [`SLOW_FACTOR`] times the usual.
const SLOW: Duration = Duration::from_secs(2);
/// See [`SLOW`].
const SLOW_FACTOR: f64 = 4.0;
/// The share of a second's calls that may start at once, to make up for timers that fire late.
const BURST: f64 = 0.01;
/// The shortest wait that is worth a timer.
const A_MOMENT: Duration = Duration::from_micros(100);

/// How a call went, as far as the pace is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// Answered, whatever it said.
    Well,
    /// Too many calls; with the time that the server asks us to wait.
    Throttled(Option<Duration>),
    /// No answer, a 5xx, or nothing that can be read.
    Badly,
}

/// The pace. All times are durations since some fixed moment.
#[derive(Clone, Debug)]
pub struct Pace {
    ceiling: f64,
    rate: f64,
    tokens: f64,
    filled_at: Duration,
    rest_until: Duration,
    window: Window,
    most: f64,
    limit: f64,
    arrivals: Arrivals,
    usual_seconds: Option<f64>,
    failures_in_a_row: u32,
}

/// How the calls since `since` went.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    since: Duration,
    calls: u32,
    bad: u32,
    slow: u32,
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
            ceiling,
            rate,
            tokens: 0.0,
            filled_at: now,
            rest_until: now,
            window: Window { since: now, ..Window::default() },
            most,
            limit: most.min((rate / 2.0).max(4.0)),
            arrivals: Arrivals::default(),
            usual_seconds: None,
            failures_in_a_row: 0,
        }
    }

    /// A new ceiling: a lower one holds at once, a higher one is grown into.
    pub fn set_ceiling(&mut self, ceiling: f64) {
        if (ceiling - self.ceiling).abs() > f64::EPSILON {
            let at_the_ceiling = self.rate >= self.ceiling;
            self.ceiling = ceiling;
            self.rate = if at_the_ceiling { ceiling } else { self.rate.min(ceiling) };
            self.tokens = self.tokens.min(self.burst());
        }
    }

    /// The rate in use, in calls a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Until when no call starts, because the server asked for that.
    #[must_use]
    pub fn rests_until(&self) -> Duration {
        self.rest_until
    }

    /// No call starts before `until`.
    pub fn rest(&mut self, until: Duration) {
        self.rest_until = self.rest_until.max(until);
    }

    /// How many calls in a row found the API unwell.
    #[must_use]
    pub fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    /// Forgets the failures: the API was found well by a probe.
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
        if self.in_flight_as_float() >= self.limit.floor().max(1.0) {
            return Err(None);
        }
        if now < self.rest_until {
            return Err(Some(self.rest_until.saturating_sub(now)));
        }
        self.arrivals.wait_for_room(now, self.ceiling)?;
        self.fill(now);
        if self.tokens < 1.0 {
            let missing = (1.0 - self.tokens) / self.refill();
            return Err(Some(Duration::from_secs_f64(missing).max(A_MOMENT)));
        }
        self.tokens -= 1.0;
        self.arrivals.started();
        Ok(())
    }

    fn in_flight_as_float(&self) -> f64 {
        f64::from(u32::try_from(self.arrivals.in_flight()).unwrap_or(u32::MAX))
    }

    /// How many calls could start within `soon`, were they ready, beside `in_hand` that are under way or wait to start.
    #[must_use]
    pub fn room(&mut self, now: Duration, soon: Duration, in_hand: usize) -> usize {
        if now + soon < self.rest_until {
            return 0;
        }
        self.fill(now);
        let waiting = in_hand.saturating_sub(self.arrivals.in_flight());
        let may_arrive = self.arrivals.room(now + soon, self.ceiling).saturating_sub(waiting);
        let startable = (self.tokens + self.refill() * soon.as_secs_f64()).floor();
        let places = self.limit.floor().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both are small and not negative"
        )]
        let (startable, places) = (startable.max(0.0) as usize, places as usize);
        startable.saturating_sub(waiting).min(places.saturating_sub(in_hand)).min(may_arrive)
    }

    /// A started call ended.
    pub fn ended(&mut self, now: Duration, went: Went, took: Duration) {
        let crowded = self.in_flight_as_float() >= self.limit.floor();
        self.arrivals.ended(now);
        self.window.calls += 1;
        match went {
            Went::Well => {
                self.failures_in_a_row = 0;
                self.well(took, crowded);
            }
            Went::Throttled(wait) => {
                self.failures_in_a_row = 0;
                self.window.bad += 1;
                self.rest(now + wait.unwrap_or_default());
            }
            Went::Badly => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.window.bad += 1;
            }
        }
        if now.saturating_sub(self.window.since) >= WINDOW {
            self.learn();
            self.window = Window { since: now, ..Window::default() };
        }
    }

    /// A started call was never sent: nothing is learned.
    pub fn abandoned(&mut self) {
        self.arrivals.abandoned();
    }

    fn well(&mut self, took: Duration, crowded: bool) {
        let seconds = took.as_secs_f64();
        let usual = self.usual_seconds.unwrap_or(seconds);
        if took > SLOW && seconds > SLOW_FACTOR * usual {
            self.window.slow += 1;
        } else if crowded {
            self.limit = (self.limit + 1.0).min(self.most);
        }
        self.usual_seconds = Some(usual * 0.95 + seconds * 0.05);
    }

    /// What a window teaches: trouble shrinks the rate to what was answered well, well-being lets it grow.
    fn learn(&mut self) {
        let share = |part: u32| f64::from(part) / f64::from(self.window.calls.max(1));
        let (bad, slow) = (share(self.window.bad), share(self.window.slow));
        if bad > TROUBLE {
            let left = ((1.0 - bad) * SHRINK).max(SHRINK_AT_MOST);
            self.shrink(left);
        } else if slow > TROUBLE {
            self.shrink(SLOW_SHRINK);
        } else {
            self.rate = (self.rate * (1.0 + GROWTH) + self.ceiling * GROWTH).min(self.ceiling);
        }
    }

    fn shrink(&mut self, to: f64) {
        self.rate = (self.rate * to).max(SLOWEST.min(self.ceiling));
        self.limit = (self.limit * to).max(1.0);
        self.tokens = self.tokens.min(self.burst());
    }
}

#[cfg(test)]
mod tests;
