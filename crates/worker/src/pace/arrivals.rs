//! Calls by the time when they arrive, as Refersion counts them. A call that takes long to arrive may arrive together with many
//! that started after it, so a rate that limits only the starts may be exceeded at Refersion.

use std::collections::VecDeque;
use std::time::Duration;

use super::A_MOMENT;

/// The span of time in which the ceiling is guaranteed.
const SPAN: Duration = Duration::from_secs(10);

/// The calls that may have arrived recently. The time of arrival is unknown, except that it is between start and end, so a call
/// counts from its start until [`SPAN`] after its end. Then at most `ceiling` × 10 + 1 calls arrive in any 10 s, however long each
/// takes: when the last of them started, all others counted. If calls take `L` seconds, this limits the rate to `ceiling` × 10 /
/// (10 + `L`).
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    in_flight: usize,
    /// When calls ended, the earliest first.
    ended: VecDeque<Duration>,
}

impl Arrivals {
    /// Whether another call may start.
    ///
    /// # Errors
    ///
    /// The time to wait before asking again (`None`: until a call ends).
    pub(super) fn wait_for_room(&mut self, now: Duration, ceiling: f64) -> Result<(), Option<Duration>> {
        while self.ended.front().is_some_and(|end| is_over(*end, now)) {
            self.ended.pop_front();
        }
        if self.room(now, ceiling) > 0 {
            return Ok(());
        }
        let wait = |end: &Duration| (*end + SPAN).saturating_sub(now) + A_MOMENT;
        Err(self.ended.front().map(wait))
    }

    /// How many calls could start until `then`, if none of those under way ends before.
    pub(super) fn room(&self, then: Duration, ceiling: f64) -> usize {
        let over = self.ended.partition_point(|end| is_over(*end, then));
        most(ceiling).saturating_sub(self.in_flight + self.ended.len() - over)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn started(&mut self) {
        self.in_flight += 1;
    }

    pub(super) fn ended(&mut self, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.ended.push_back(now);
    }
}

/// Whether a call that ended at `end` no longer counts.
fn is_over(end: Duration, now: Duration) -> bool {
    end + SPAN < now
}

/// Maximum number of calls that may arrive within [`SPAN`].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a ceiling is small and not negative"
)]
fn most(ceiling: f64) -> usize {
    (ceiling.max(0.0) * SPAN.as_secs_f64()).floor() as usize + 1
}
