//! The calls under way: when each started, and beside how many others.

use std::collections::VecDeque;
use std::time::Duration;

/// Calls by their start, the earliest first.
#[derive(Clone, Debug, Default)]
pub(super) struct UnderWay(VecDeque<(Duration, usize)>);

/// Maximum number of calls that are remembered: those whose end is never reported stay until newer ones replace them.
const REMEMBERED: usize = 4096;

impl UnderWay {
    pub(super) fn started(&mut self, now: Duration, beside: usize) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((now, beside));
    }

    /// Number of other calls that were under way when the ended call started, at about `start`.
    pub(super) fn ended(&mut self, start: Duration) -> usize {
        let behind = self.0.partition_point(|(other, _)| *other < start);
        let is_nearer = |place: &usize| {
            let away = |place: usize| self.0.get(place).map_or(Duration::MAX, |(at, _)| at.abs_diff(start));
            away(*place) < away(behind)
        };
        let place = behind.checked_sub(1).filter(is_nearer).unwrap_or(behind);
        self.0.remove(place).map_or(0, |(_, beside)| beside)
    }
}
