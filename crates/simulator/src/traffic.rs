//! The calls of one account over time: its share of the hidden limit, its busiest moment, and whether it comes back
//! before it was asked to.

use std::collections::VecDeque;
use std::time::Duration;

use crate::faults::Bucket;

/// The span in which the most calls are counted; the promise of the rate limit is made for it.
const WINDOW: Duration = Duration::from_secs(10);
/// Arrivals kept at most, over 100,000 a second; beyond that the busiest moment is a lower bound.
const MAX_ARRIVALS: usize = 1_000_000;

/// What is remembered about the calls of one account.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) calls: u64,
    pub(crate) max_in_10s: u64,
    pub(crate) before_retry_after: u64,
    pub(crate) bucket: Bucket,
    arrivals: VecDeque<Duration>,
    /// When a `Retry-After` went out, and the time that it named.
    stay_away: Option<(Duration, Duration)>,
}

impl Traffic {
    pub(crate) fn arrive(&mut self, now: Duration) {
        self.calls += 1;
        if self.stay_away.is_some_and(|(from, until)| from <= now && now < until) {
            self.before_retry_after += 1;
        }
        let is_old = |arrival: &Duration| now.saturating_sub(*arrival) > WINDOW;
        while self.arrivals.len() >= MAX_ARRIVALS || self.arrivals.front().is_some_and(is_old) {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
        self.max_in_10s = self.max_in_10s.max(self.arrivals.len() as u64);
    }

    /// An answer that goes out at `at` asks the account to stay away for a while.
    pub(crate) fn ask_to_stay_away(&mut self, at: Duration, wait: Duration) {
        let until = self.stay_away.map_or(at + wait, |(_, until)| until.max(at + wait));
        let from = self.stay_away.filter(|(_, until)| at < *until).map_or(at, |(from, _)| from.min(at));
        self.stay_away = Some((from, until));
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Traffic};

    #[test]
    fn the_busiest_ten_seconds_are_remembered() {
        let mut traffic = Traffic::default();
        for ms in (0..20_000).step_by(200) {
            traffic.arrive(Duration::from_millis(ms));
        }
        assert_eq!(traffic.max_in_10s, 51, "five a second, and both ends of the window");
        traffic.arrive(Duration::from_secs(60));
        assert_eq!((traffic.max_in_10s, traffic.calls), (51, 101));
    }

    #[test]
    fn only_calls_between_the_answer_and_its_end_come_too_early() {
        let mut traffic = Traffic::default();
        traffic.ask_to_stay_away(Duration::from_secs(10), Duration::from_secs(2));
        for second in [9, 10, 11, 12, 13] {
            traffic.arrive(Duration::from_secs(second));
        }
        assert_eq!(traffic.before_retry_after, 2);
    }
}
