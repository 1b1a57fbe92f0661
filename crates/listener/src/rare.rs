//! Keeps a log line that clients can cause at will from filling the log.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Time between two lines of one [`RareLog`].
const PAUSE: Duration = Duration::from_secs(10);

/// The gate of one log line: it opens at most every 10 s, and counts what happened meanwhile.
#[derive(Debug, Default)]
pub struct RareLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    opened_at: Option<Instant>,
    closed_for: u64,
}

impl RareLog {
    /// Counts one more occurrence; returns how many there were since the last line if it is time for a line.
    #[must_use]
    pub fn occurred(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.0.lock();
        state.closed_for += 1;
        if state.opened_at.is_some_and(|at| now < at + PAUSE) {
            return None;
        }
        state.opened_at = Some(now);
        Some(std::mem::take(&mut state.closed_for))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_is_written_at_once_and_then_every_ten_seconds_with_its_count() {
        let log = RareLog::default();
        assert_eq!(log.occurred(), Some(1));
        assert_eq!((log.occurred(), log.occurred()), (None, None));
        tokio::time::advance(PAUSE).await;
        assert_eq!(log.occurred(), Some(3));
    }
}
