//! Limits how far a sweep may go when the clock says that much time has passed.
//!
//! The clock may be wrong: one that is 100 days ahead for a minute must not make everything expire. So a sweep goes only as far
//! as time has really passed since the last one, by a monotonic clock, plus a small share of the retention. After a jump of the
//! clock it catches up by that share each day. This bounds the damage of a wrong clock, and a machine that was off for a month
//! catches up by itself. An operator who knows that the clock is right ends the wait (`retention confirm`).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::SweepClock;
use tokio::time::Instant;

use crate::Limits;

/// The part of the shortest retention (one in `SHARE`) that a sweep may go further than time has passed, and after a jump, each day.
const SHARE: u32 = 10;
/// Differences up to this are not a jump.
const TOLERATED: Duration = Duration::from_secs(86_400);
/// One day.
const DAY: Duration = Duration::from_secs(86_400);

/// The largest difference of the clock that does not count as a jump, with these limits.
#[must_use]
pub fn tolerance(limits: &Limits) -> Duration {
    (shortest(limits) / SHARE).min(TOLERATED)
}

/// The time by which sweeps catch up in a day, with these limits.
#[must_use]
pub fn daily_share(limits: &Limits) -> Duration {
    shortest(limits) / SHARE
}

fn shortest(limits: &Limits) -> Duration {
    let by_class = limits.keep_dead_letters_by_class.values().copied();
    by_class.fold(limits.keep_outcomes.min(limits.keep_dead_letters), Duration::min)
}

/// State of this process after its last sweep.
#[derive(Debug, Default)]
pub struct Progress {
    last: Option<(Timestamp, Instant)>,
}

/// The reach of the next sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Rows that have expired by this time are dropped.
    pub until: Timestamp,
    /// How much further the sweep would go by the clock alone; zero if the clock is trusted.
    pub behind: Duration,
}

impl Progress {
    /// The reach of a sweep that begins now.
    pub fn reach(&mut self, clock: &SweepClock, limits: &Limits) -> Reach {
        let until = self.until(clock, limits);
        self.last = Some((until, Instant::now()));
        let behind = Duration::try_from(clock.now.duration_since(until)).unwrap_or_default();
        Reach { until, behind }
    }

    fn until(&self, clock: &SweepClock, limits: &Limits) -> Timestamp {
        let Some(swept) = clock.swept else { return clock.now };
        let (from, passed) = match self.last {
            Some((until, at)) => (until, at.elapsed()),
            None => (swept, Duration::ZERO),
        };
        // Another process or an operator may have gone further.
        let from_all = from.max(swept);
        let is_near = clock.now <= later(from_all, passed + tolerance(limits));
        if is_near {
            return clock.now;
        }
        let share = passed.mul_f64(daily_share(limits).as_secs_f64() / DAY.as_secs_f64());
        later(from, passed + share).max(swept).min(clock.now)
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    fn days(from: Timestamp, until: Timestamp) -> f64 {
        until.duration_since(from).as_secs_f64() / 86_400.0
    }

    /// Sweeps every hour for `hours`, while the clock is wrong by `wrong` days; how far they came, and what was remembered.
    async fn sweep(
        progress: &mut Progress,
        swept: &mut Timestamp,
        hours: u32,
        clock: impl Fn(u32) -> Timestamp,
    ) {
        for hour in 0..hours {
            let now = clock(hour);
            let reach = progress.reach(&SweepClock { now, swept: Some(*swept) }, &Limits::default());
            *swept = reach.until;
            tokio::time::advance(Duration::from_secs(3_600)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_right_is_followed() {
        let mut progress = Progress::default();
        let first = progress.reach(&SweepClock { now: at(0), swept: None }, &Limits::default());
        assert_eq!(first, Reach { until: at(0), behind: Duration::ZERO });
        tokio::time::advance(DAY * 5).await;
        let next = progress.reach(&SweepClock { now: at(5), swept: Some(at(0)) }, &Limits::default());
        assert_eq!(next, Reach { until: at(5), behind: Duration::ZERO });
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_far_ahead_expires_little_and_is_ignored_once_it_is_corrected() {
        for restarted in [false, true] {
            let (mut progress, mut swept) = (Progress::default(), at(0));
            sweep(&mut progress, &mut swept, 1, |_| at(0)).await;
            if restarted {
                progress = Progress::default();
            }
            sweep(&mut progress, &mut swept, 24, |_| at(100)).await;
            assert!(days(at(0), swept) < 4.5, "{swept}");
            sweep(&mut progress, &mut swept, 1, |_| at(1)).await;
            assert_eq!(swept, at(1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_was_off_for_forty_days_catches_up_by_itself() {
        let (mut progress, mut swept) = (Progress::default(), at(0));
        let clock = |hour: u32| at(40) + Duration::from_secs(3_600) * hour;
        for day in 1..=21_u32 {
            let before = swept;
            sweep(&mut progress, &mut swept, 24, |hour| clock((day - 1) * 24 + hour)).await;
            assert!(days(before, swept) < 5.1, "day {day}: {} days of events expired", days(before, swept));
        }
        assert_eq!(swept, clock(21 * 24 - 1));
    }

    #[tokio::test(start_paused = true)]
    async fn two_workers_catch_up_no_faster_than_one() {
        let (mut one, mut two, mut swept) = (Progress::default(), Progress::default(), at(0));
        for _ in 0..24 {
            sweep(&mut one, &mut swept, 1, |_| at(100)).await;
            sweep(&mut two, &mut swept, 1, |_| at(100)).await;
        }
        assert!(days(at(0), swept) < 8.5, "{swept}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_retention_tolerates_little() {
        let limits = Limits { keep_outcomes: Duration::from_secs(3_600), ..Limits::default() };
        let mut progress = Progress::default();
        let swept = Some(at(0));
        progress.reach(&SweepClock { now: at(0), swept }, &limits);
        let now = at(0) + Duration::from_secs(1_800);
        assert_eq!(progress.reach(&SweepClock { now, swept }, &limits).until, at(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_an_operator_confirms_counts_at_once() {
        let mut progress = Progress::default();
        progress.reach(&SweepClock { now: at(100), swept: Some(at(0)) }, &Limits::default());
        let confirmed =
            progress.reach(&SweepClock { now: at(100), swept: Some(at(100)) }, &Limits::default());
        assert_eq!(confirmed, Reach { until: at(100), behind: Duration::ZERO });
    }
}
