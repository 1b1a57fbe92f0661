//! How a value that was found to be safe grows until a limit is met: slowly at first, so that an unchanged limit is met seldom,
//! then ever faster, so that a raised limit is found soon.

use std::time::Duration;

/// The exponent after one second of growth; it rises with the square of the time. At the usual rate a limit
/// that has not changed is met again after about ten seconds, and one that has become five times as high after thirteen.
pub(super) const OF_RATE: f64 = 0.009;
/// The same for the number of calls at the same time, whose limits change seldom.
pub(super) const OF_CONCURRENCY: f64 = 0.0003;
/// The rate for which the speeds above are meant. At lower rates a probe costs a greater share of the calls, so growth is slower.
const USUAL_RATE: f64 = 24.0;
/// The smallest and the largest factor by which the rate changes the speed of growth.
const SLOWEST: f64 = 0.4;
const FASTEST: f64 = 3.0;
/// Exponent below which a value counts as safe.
const SAFE: f64 = 0.03;
/// Largest exponent: there is no relevant limit beyond it.
const GREATEST: f64 = 20.0;

/// A safe value, and since when it grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    safe: f64,
    speed: f64,
    since: Duration,
    answers: f64,
    /// The factor by which growth is slower than usual, and for how many seconds.
    stretched: (f64, f64),
}

impl Growth {
    /// Grows from `safe`, from `now` on.
    pub(super) fn new(safe: f64, speed: f64, now: Duration) -> Self {
        Self { safe, speed, since: now, answers: 0.0, stretched: (1.0, 0.0) }
    }

    /// Grows from another value from `now` on.
    pub(super) fn restart(&mut self, safe: f64, now: Duration) {
        *self = Self::new(safe, self.speed, now);
    }

    /// The same, and for `time` it grows `stretched` times as slowly as usual.
    pub(super) fn restart_slowly(&mut self, safe: f64, now: Duration, stretched: f64, time: Duration) {
        let stretched = (stretched, time.as_secs_f64());
        *self = Self { stretched, ..Self::new(safe, self.speed, now) };
    }

    /// Notes that a call was answered.
    pub(super) fn answered(&mut self) {
        self.answers += 1.0;
    }

    /// The value at `now`.
    pub(super) fn value(&self, now: Duration) -> f64 {
        self.safe * self.exponent(now).exp()
    }

    fn exponent(&self, now: Duration) -> f64 {
        let seconds = now.saturating_sub(self.since).as_secs_f64();
        let by_answers = (seconds * self.answers / USUAL_RATE).sqrt();
        let seconds = by_answers.clamp(seconds * SLOWEST, seconds * FASTEST);
        let (stretched, slowly) = self.stretched;
        let seconds = seconds.min(slowly) / stretched + (seconds - slowly).max(0.0);
        (self.speed * seconds * seconds).min(GREATEST)
    }

    /// Whether the value has hardly grown yet.
    pub(super) fn is_safe(&self, now: Duration) -> bool {
        self.exponent(now) < SAFE
    }
}
