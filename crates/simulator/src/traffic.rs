//! The calls of one account over time: its token bucket, its maximum rate, and calls that come before the end of a
//! `Retry-After`.

use std::collections::VecDeque;
use std::time::Duration;

use crate::faults::TokenBucket;

/// The window in which the maximum number of calls is counted; the client's rate limit is tested with it.
const WINDOW: Duration = Duration::from_secs(10);
/// Maximum number of arrivals kept, more than 100,000 a second; beyond it the counted maximum is a lower bound.
const MAX_ARRIVALS: usize = 1_000_000;

/// The traffic of one account.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) calls: u64,
    pub(crate) max_in_10s: u64,
    pub(crate) before_retry_after: u64,
    pub(crate) bucket: TokenBucket,
    arrivals: VecDeque<Duration>,
    /// The time at which a `Retry-After` was sent, and the end of its wait.
    retry_after: Option<(Duration, Duration)>,
}

impl Traffic {
    pub(crate) fn record_call(&mut self, now: Duration) {
        self.calls += 1;
        if self.retry_after.is_some_and(|(from, until)| from <= now && now < until) {
            self.before_retry_after += 1;
        }
        let is_old = |arrival: &Duration| now.saturating_sub(*arrival) > WINDOW;
        while self.arrivals.len() >= MAX_ARRIVALS || self.arrivals.front().is_some_and(is_old) {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
        self.max_in_10s = self.max_in_10s.max(self.arrivals.len() as u64);
    }

    /// Records an answer with `Retry-After` that is sent at `at`. Overlapping waits are joined.
    pub(crate) fn record_retry_after(&mut self, at: Duration, wait: Duration) {
        let until = self.retry_after.map_or(at + wait, |(_, until)| until.max(at + wait));
        let from = self.retry_after.filter(|(_, until)| at < *until).map_or(at, |(from, _)| from.min(at));
        self.retry_after = Some((from, until));
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Traffic};

    #[test]
    fn the_maximum_of_any_ten_seconds_is_kept() {
        let mut traffic = Traffic::default();
        for ms in (0..20_000).step_by(200) {
            traffic.record_call(Duration::from_millis(ms));
        }
        assert_eq!(traffic.max_in_10s, 51, "five a second, and both ends of the window");
        traffic.record_call(Duration::from_secs(60));
        assert_eq!((traffic.max_in_10s, traffic.calls), (51, 101));
    }

    #[test]
    fn only_calls_during_the_wait_are_counted_as_early() {
        let mut traffic = Traffic::default();
        traffic.record_retry_after(Duration::from_secs(10), Duration::from_secs(2));
        for second in [9, 10, 11, 12, 13] {
            traffic.record_call(Duration::from_secs(second));
        }
        assert_eq!(traffic.before_retry_after, 2);
    }
}
