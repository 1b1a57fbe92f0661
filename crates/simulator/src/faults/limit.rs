//! The hidden limit: a token bucket for each account, with a rate that changes over time as the seed determines.

use std::time::Duration;

use super::Limit;
use crate::random::RandomSource;

/// The rate changes linearly from one drawn value to the next within this time.
const INTERVAL: Duration = Duration::from_secs(10);

impl Limit {
    /// Calls per second at this time after the faults were set. Depends on the seed and the time alone.
    pub(crate) fn rate(self, seed: u64, elapsed: Duration) -> f64 {
        let intervals = elapsed.as_secs_f64() / INTERVAL.as_secs_f64();
        let interval = elapsed.as_secs() / INTERVAL.as_secs();
        let fraction = intervals.fract();
        self.value(seed, interval) * (1.0 - fraction) + self.value(seed, interval + 1) * fraction
    }

    fn value(self, seed: u64, interval: u64) -> f64 {
        let mut random = RandomSource::new(seed ^ interval.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let rate = random.between(u64::from(self.min), u64::from(self.max));
        f64::from(u32::try_from(rate).unwrap_or(self.max))
    }
}

/// The token bucket of one account. Its capacity is one second of calls.
#[derive(Debug, Default)]
pub(crate) struct TokenBucket {
    /// Calls left and the time of that level; `None` is a full bucket.
    level: Option<(f64, Duration)>,
}

impl TokenBucket {
    /// Whether the call is within the limit.
    pub(crate) fn admits(&mut self, now: Duration, rate: f64) -> bool {
        let level = match self.level {
            None => rate,
            Some((level, then)) => (level + now.saturating_sub(then).as_secs_f64() * rate).min(rate),
        };
        let admitted = level >= 1.0;
        self.level = Some((if admitted { level - 1.0 } else { level }, now));
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Limit, TokenBucket};

    #[test]
    fn the_limit_changes_within_its_range() {
        let limit = Limit { min: 50, max: 200 };
        let rates: Vec<f64> = (0..600).map(|second| limit.rate(3, Duration::from_secs(second))).collect();
        assert!(rates.iter().all(|rate| (50.0..=200.0).contains(rate)));
        let min = rates.iter().copied().fold(f64::MAX, f64::min);
        let max = rates.iter().copied().fold(f64::MIN, f64::max);
        assert!(min < 80.0 && max > 170.0, "{min}..{max}");
        assert!(rates.windows(2).all(|pair| (pair[0] - pair[1]).abs() <= 15.0));
    }

    #[test]
    fn calls_beyond_the_rate_are_not_admitted() {
        let mut bucket = TokenBucket::default();
        let admitted = (0..10_000).filter(|ms| bucket.admits(Duration::from_millis(*ms), 50.0)).count();
        // One second of calls at the start, and 50 a second for 10 s.
        assert!((545..=550).contains(&admitted), "{admitted}");
    }
}
