//! Notices that the queue grows fast: no worker delivers, or more events arrive than Refersion takes.

use std::time::Duration;

use tokio::time::Instant;

/// How often the size of the queue is compared with the last one.
const COMPARE_EVERY: Duration = Duration::from_secs(30);
/// A queue with fewer events is not reported.
const MANY: u64 = 5_000;

/// How long the queue was.
#[derive(Debug, Default)]
pub(super) struct Growth {
    last: Option<(Instant, u64)>,
}

impl Growth {
    /// Whether it is time to look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.last.is_none_or(|(at, _)| now - at >= COMPARE_EVERY)
    }

    /// Records the number of events in the queue. Returns the number before, if the queue has grown by more than half since.
    pub(super) fn note(&mut self, events: u64, now: Instant) -> Option<u64> {
        let (_, before) = self.last.replace((now, events))?;
        (events >= MANY && events > before.saturating_add(before / 2)).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_grows_by_half_is_noticed_and_one_that_is_long_is_not() {
        let (mut growth, mut now) = (Growth::default(), Instant::now());
        assert!(growth.is_due(now));
        let steps = [
            (4_000, None),
            (4_900, None),
            (9_000, Some(4_900)),
            (10_000, None),
            (30_000, Some(10_000)),
            (30_000, None),
        ];
        for (events, noticed) in steps {
            assert_eq!(growth.note(events, now), noticed, "{events}");
            assert!(!growth.is_due(now + COMPARE_EVERY / 2));
            now += COMPARE_EVERY;
            assert!(growth.is_due(now));
        }
    }
}
