//! Decides when to retry, and when to give up: a pure function of the attempts, the time, and a random number.
//!
//! The growth of the interval comes from the `backoff` crate. It is small, but unmaintained, so nothing else in the project
//! depends on it.

use std::time::Duration;

use backoff::SystemClock;
use backoff::backoff::Backoff as _;
use backoff::exponential::ExponentialBackoff;
use identity::answer::RetryDecision;
use identity::stamp::Moment;

/// The retry settings of `config/default.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Giving up needs at least this many attempts …
    pub max_attempts: u32,
    /// … and this much time since the first of them.
    pub max_elapsed: Duration,
    /// The wait after the first failure, before jitter.
    pub initial: Duration,
    /// The longest wait, before jitter.
    pub max_interval: Duration,
    /// The longest `Retry-After` that is honoured; a longer one counts as this.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 12,
            max_elapsed: Duration::from_secs(24 * 3600),
            initial: Duration::from_secs(1),
            max_interval: Duration::from_secs(600),
            max_retry_after: Duration::from_secs(3600),
        }
    }
}

/// The wait after `failures` in a row: it doubles from `first` (for 0) to `longest`, without jitter.
pub(crate) fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << failures.min(16)).min(longest)
}

/// Number of attempts from which the interval no longer grows, whatever the settings.
const GROWS_FOR: u32 = 64;

impl RetryPolicy {
    /// The wait after `attempts` failures: it doubles from `initial` to `max_interval`. `chance` (0 to 1) picks between a half and
    /// the whole of it, so that calls that failed together are not retried together.
    #[must_use]
    pub fn wait(&self, attempts: u32, chance: f64) -> Duration {
        let mut growth = ExponentialBackoff::<SystemClock> {
            current_interval: self.initial,
            initial_interval: self.initial,
            multiplier: 2.0,
            max_interval: self.max_interval,
            max_elapsed_time: None,
            // The jitter below is drawn from our own randomness, so that a simulation replays.
            randomization_factor: 0.0,
            ..ExponentialBackoff::default()
        };
        let steps = attempts.clamp(1, GROWS_FOR);
        let whole = (0..steps).filter_map(|_| growth.next_backoff()).last().unwrap_or(self.initial);
        whole.min(self.max_interval).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }

    /// The decision after the `attempts`th failure at `now`, if the first was at `since`. The gate obeys the server's
    /// `Retry-After`, for all persons of a connection.
    #[must_use]
    pub fn decide(&self, attempts: u32, since: Moment, now: Moment, chance: f64) -> RetryDecision {
        let wait = self.wait(attempts, chance);
        let elapsed = Duration::from_micros(u64::try_from(now.0 - since.0).unwrap_or(0));
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        RetryDecision {
            due_at: Moment(now.0.saturating_add(micros)),
            give_up: attempts >= self.max_attempts && elapsed >= self.max_elapsed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_keep_at_least_half_of_it() {
        let policy = RetryPolicy::default();
        let longest: Vec<u64> = (1..=12).map(|attempt| policy.wait(attempt, 1.0).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(policy.wait(3, 0.0), Duration::from_secs(2));
    }

    #[test]
    fn giving_up_needs_attempts_and_time() {
        let policy = RetryPolicy::default();
        let day = 24 * 3600 * 1_000_000;
        assert!(!policy.decide(100, Moment(0), Moment(1), 0.5).give_up);
        assert!(!policy.decide(11, Moment(0), Moment(day), 0.5).give_up);
        assert!(policy.decide(12, Moment(0), Moment(day), 0.5).give_up);
    }
}
