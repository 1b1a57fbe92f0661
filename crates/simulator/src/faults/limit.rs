//! The hidden limit: a token bucket for each account, whose rate moves as the seed has it.

use std::time::Duration;

use super::Limit;
use crate::dice::Dice;

/// The limit goes in a straight line from one drawn rate to the next, for so long.
const LEG: Duration = Duration::from_secs(10);

impl Limit {
    /// Calls per second, so long after the faults were set; a function of the seed and the time alone.
    pub(crate) fn rate(self, seed: u64, elapsed: Duration) -> f64 {
        let legs = elapsed.as_secs_f64() / LEG.as_secs_f64();
        let leg = elapsed.as_secs() / LEG.as_secs();
        let along = legs.fract();
        self.point(seed, leg) * (1.0 - along) + self.point(seed, leg + 1) * along
    }

    fn point(self, seed: u64, leg: u64) -> f64 {
        // The first draw mixes the leg into the seed; neighbouring seeds alone would give like streams.
        let mixed = Dice::new(seed ^ leg.wrapping_mul(0x2545_f491_4f6c_dd1d)).next();
        let rate = Dice::new(mixed).between(u64::from(self.least), u64::from(self.most));
        f64::from(u32::try_from(rate).unwrap_or(self.most))
    }
}

/// What an account has left of its limit. It holds one second's worth of calls at most.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// Calls left and the time at which that was so; `None` is a full bucket.
    level: Option<(f64, Duration)>,
}

impl Bucket {
    /// True if the call is within the limit.
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
    use super::{Bucket, Duration, Limit};

    #[test]
    fn the_limit_moves_and_stays_in_its_range() {
        let limit = Limit { least: 50, most: 200 };
        let rates: Vec<f64> = (0..600).map(|second| limit.rate(3, Duration::from_secs(second))).collect();
        assert!(rates.iter().all(|rate| (50.0..=200.0).contains(rate)));
        let least = rates.iter().copied().fold(f64::MAX, f64::min);
        let most = rates.iter().copied().fold(f64::MIN, f64::max);
        assert!(least < 80.0 && most > 170.0, "{least}..{most}");
        assert!(rates.windows(2).all(|pair| (pair[0] - pair[1]).abs() <= 15.0));
    }

    #[test]
    fn what_is_beyond_the_rate_is_not_admitted() {
        let mut bucket = Bucket::default();
        let admitted = (0..10_000).filter(|ms| bucket.admits(Duration::from_millis(*ms), 50.0)).count();
        // One second's worth at the start, and 50 a second for 10 s.
        assert!((545..=550).contains(&admitted), "{admitted}");
    }
}
