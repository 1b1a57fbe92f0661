//! While all calls are throttled, as in a window that is used up, one call at a time probes whether calls pass again.

use std::time::Duration;

/// Wait before the first probe while all calls are throttled; the waits grow.
pub(super) const FIRST_LOOK: Duration = Duration::from_millis(400);
const LOOKS_LATER: f64 = 1.6;
const LAST_LOOK: Duration = Duration::from_secs(3);

/// All calls are throttled: when the last probe failed, when the next may start, and how long the one after it waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) since: Duration,
    pub(super) until: Duration,
    pub(super) wait: Duration,
}

impl Closed {
    pub(super) fn look_at(now: Duration, wait: Duration) -> Self {
        Self { since: now, until: now + wait, wait: wait.mul_f64(LOOKS_LATER).min(LAST_LOOK) }
    }
}
