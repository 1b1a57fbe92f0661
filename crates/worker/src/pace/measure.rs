//! Simulates the pace with limits of known shapes, in virtual time: how many of the possible calls it makes, and how many
//! of its calls are throttled.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use super::{CallResult, Pace};

/// The steps of virtual time.
const STEP: Duration = Duration::from_millis(1);
/// The part of a call's time that passes before it is counted.
const ON_THE_WAY: f64 = 0.15;

/// A limit that the caller does not know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A token bucket that holds the calls of one second and gives between `low` and `high` calls a second: another number
    /// every 30 s.
    Bucket {
        /// The lowest level.
        low: f64,
        /// The highest level.
        high: f64,
    },
    /// At most this number of calls a second, counted in fixed windows of this length.
    Window(f64, Duration),
    /// At most this number of calls at the same time.
    AtOnce(usize),
    /// No limit but the ceiling; by chance some calls are throttled, and some are not answered well.
    Chance {
        /// Throttled calls of a thousand.
        throttled: u32,
        /// Bad answers of a thousand.
        bad: u32,
    },
}

/// One simulation.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The limit.
    pub shape: Shape,
    /// The rate that the operator allows, in calls a second.
    pub ceiling: f64,
    /// The shortest and the longest time that a call takes.
    pub latency: (Duration, Duration),
    /// The time before anything counts.
    pub warm_up: Duration,
    /// The time after that.
    pub lasts: Duration,
    /// Start and end of the time in which every call is answered with an error of the API.
    pub outage: (Duration, Duration),
    /// Decides levels, latencies and chance.
    pub seed: u64,
}

impl Scenario {
    fn is_away(&self, now: Duration) -> bool {
        (self.outage.0..self.outage.1).contains(&now)
    }
}

/// The result of a simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Calls that limit and ceiling allowed.
    pub possible: f64,
    /// Calls that were answered, throttled ones aside.
    pub answered: u64,
    /// Calls that were throttled.
    pub throttled: u64,
}

impl Measured {
    /// The share of the possible calls that were made.
    #[must_use]
    pub fn used(&self) -> f64 {
        self.answered as f64 / self.possible.max(1.0)
    }

    /// The share of all calls that were throttled.
    #[must_use]
    pub fn throttled_share(&self) -> f64 {
        self.throttled as f64 / (self.answered + self.throttled).max(1) as f64
    }
}

/// Simulates a scenario in which there is always work to do.
#[must_use]
pub fn simulate(scenario: &Scenario) -> Measured {
    let mut pace = Pace::new(scenario.ceiling, None, 10_000, Duration::ZERO);
    let mut server = Server::new(scenario);
    let mut measured = Measured::default();
    let mut now = Duration::ZERO;
    while now < scenario.warm_up + scenario.lasts {
        now += STEP;
        let counts = now > scenario.warm_up && !scenario.is_away(now);
        if counts {
            measured.possible += server.possible(now) * STEP.as_secs_f64();
        }
        for (result, took) in server.answers(now) {
            pace.ended(now, result, took);
            if counts && matches!(result, CallResult::Throttled(_)) {
                measured.throttled += 1;
            } else if counts {
                measured.answered += 1;
            }
        }
        while pace.start(now).is_ok() {
            server.call(now);
        }
    }
    measured
}

/// A call on its way, or at work, or answered.
#[derive(Clone, Copy, Debug)]
struct Call {
    starts: Duration,
    arrives: Duration,
    ends: Duration,
    result: Option<CallResult>,
}

/// The simulated API.
struct Server {
    scenario: Scenario,
    random: Xoshiro256PlusPlus,
    calls: VecDeque<Call>,
    level: f64,
    level_until: Duration,
    tokens: f64,
    filled_at: Duration,
    window: u128,
    of_window: f64,
}

impl Server {
    fn new(scenario: &Scenario) -> Self {
        let mut server = Self {
            scenario: *scenario,
            random: Xoshiro256PlusPlus::seed_from_u64(scenario.seed),
            calls: VecDeque::new(),
            level: 0.0,
            level_until: Duration::ZERO,
            tokens: 0.0,
            filled_at: Duration::ZERO,
            window: u128::MAX,
            of_window: 0.0,
        };
        server.look_at_level(Duration::ZERO);
        server
    }

    fn look_at_level(&mut self, now: Duration) {
        if let Shape::Bucket { low, high } = self.scenario.shape
            && now >= self.level_until
        {
            self.level = self.random.random_range(low..=high);
            self.tokens = self.tokens.min(self.level);
            self.level_until += Duration::from_secs(30);
        }
    }

    /// The calls a second that are possible now.
    fn possible(&mut self, now: Duration) -> f64 {
        self.look_at_level(now);
        let (shortest, longest) = self.scenario.latency;
        let at_work = (shortest + longest).as_secs_f64() / 2.0 * (1.0 - ON_THE_WAY);
        let limit = match self.scenario.shape {
            Shape::Bucket { .. } => self.level,
            Shape::Window(rate, _) => rate,
            Shape::AtOnce(calls) => calls as f64 / at_work,
            Shape::Chance { throttled, .. } => self.scenario.ceiling * (1.0 - f64::from(throttled) / 1000.0),
        };
        limit.min(self.scenario.ceiling)
    }

    fn call(&mut self, now: Duration) {
        let (shortest, longest) = self.scenario.latency;
        let takes = self.random.random_range(shortest..=longest);
        let arrives = now + takes.mul_f64(ON_THE_WAY);
        self.calls.push_back(Call { starts: now, arrives, ends: now + takes, result: None });
    }

    /// Lets calls arrive, and returns those that ended.
    fn answers(&mut self, now: Duration) -> Vec<(CallResult, Duration)> {
        for place in 0..self.calls.len() {
            let call = self.calls[place];
            if call.result.is_none() && call.arrives <= now {
                let result = self.judge(now);
                let call = &mut self.calls[place];
                call.result = Some(result);
                if result != CallResult::Succeeded {
                    call.ends = now + (call.ends - call.arrives).mul_f64(0.3);
                }
            }
        }
        let mut ended = Vec::new();
        self.calls.retain(|call| match call.result {
            Some(result) if call.ends <= now => {
                ended.push((result, now - call.starts));
                false
            }
            _ => true,
        });
        ended
    }

    fn judge(&mut self, now: Duration) -> CallResult {
        if self.scenario.is_away(now) {
            return CallResult::Failed;
        }
        let passes = match self.scenario.shape {
            Shape::Bucket { .. } => self.takes_token(now),
            Shape::Window(rate, length) => self.fits_into_window(now, rate, length),
            Shape::AtOnce(most) => {
                self.calls.iter().filter(|call| call.result == Some(CallResult::Succeeded)).count() < most
            }
            Shape::Chance { throttled, bad } => {
                let drawn = self.random.random_range(0..1000_u32);
                if (throttled..throttled + bad).contains(&drawn) {
                    return CallResult::Failed;
                }
                drawn >= throttled
            }
        };
        if passes { CallResult::Succeeded } else { CallResult::Throttled(None) }
    }

    fn takes_token(&mut self, now: Duration) -> bool {
        self.look_at_level(now);
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.level).min(self.level);
        self.filled_at = now;
        let passes = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(passes));
        passes
    }

    fn fits_into_window(&mut self, now: Duration, rate: f64, length: Duration) -> bool {
        let window = now.as_millis() / length.as_millis().max(1);
        if window != self.window {
            (self.window, self.of_window) = (window, 0.0);
        }
        let passes = self.of_window < rate * length.as_secs_f64();
        self.of_window += f64::from(u8::from(passes));
        passes
    }
}
