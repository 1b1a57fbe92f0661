//! The port by which publishers report the numbers of their events, and by which missing events are found.
//!
//! Workers note the events that they have absorbed with [`Graphs::note_arrivals`](crate::Graphs::note_arrivals), before
//! they acknowledge them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use identity::graph::Lane;
use jiff::Timestamp;
use numbers::Ranges;
use uuid::Uuid;

use crate::LedgerError;

/// Maximum number of stored ranges of arrived events; beyond it the lowest gap counts as arrived.
pub const ARRIVED_RANGES: usize = 4_096;

/// The events that one process has published to one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its name.
    pub id: Uuid,
    /// The name of the queue.
    pub queue: String,
    /// Its lane.
    pub lane: Lane,
    /// When the process began to publish.
    pub started_at: Timestamp,
    /// When something was published last.
    pub last_at: Timestamp,
    /// The numbers that the queue confirmed.
    pub confirmed: Ranges,
    /// Some of the numbers with the times at which they were assigned, in order.
    pub marks: Vec<(u64, Timestamp)>,
}

impl Stream {
    /// A time before which `number` was not assigned.
    #[must_use]
    pub fn since(&self, number: u64) -> Timestamp {
        let behind = self.marks.partition_point(|(marked, _)| *marked <= number);
        behind.checked_sub(1).map_or(self.started_at, |place| self.marks[place].1)
    }

    /// A time by which `number` was assigned.
    #[must_use]
    pub fn until(&self, number: u64) -> Timestamp {
        let behind = self.marks.partition_point(|(marked, _)| *marked <= number);
        self.marks.get(behind).map_or(self.last_at, |(_, at)| *at)
    }

    /// The numbers that were certainly assigned before `time`.
    #[must_use]
    pub fn before(&self, time: Timestamp) -> Ranges {
        if self.last_at < time {
            return Ranges::of(0, u64::MAX);
        }
        let marks = self.marks.partition_point(|(_, at)| *at < time);
        let end = marks.checked_sub(1).map_or(0, |place| self.marks[place].0);
        end.checked_sub(1).map_or_else(Ranges::default, |last| Ranges::of(0, last))
    }

    /// The numbers that were certainly assigned after `time`.
    #[must_use]
    pub fn after(&self, time: Timestamp) -> Ranges {
        if self.started_at > time {
            return Ranges::of(0, u64::MAX);
        }
        let first = self.marks.iter().find(|(_, at)| *at > time);
        first.map_or_else(Ranges::default, |(first, _)| Ranges::of(*first, u64::MAX))
    }
}

/// Events of one stream that the queue confirmed and that never arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The stream.
    pub stream: Uuid,
    /// The name of the queue.
    pub queue: String,
    /// Their numbers.
    pub numbers: Ranges,
    /// The number of further missing events, whose numbers are not stored.
    pub beyond: u64,
    /// They were published after this.
    pub since: Timestamp,
    /// They were published by then.
    pub until: Timestamp,
    /// When the newest of them was found to be missing.
    pub found_at: Timestamp,
}

impl Missing {
    /// The number of missing events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.numbers.count().saturating_add(self.beyond)
    }
}

/// Published, arrived and missing events.
#[async_trait]
pub trait Arrivals: Send + Sync {
    /// Stores streams, and replaces earlier reports of them.
    async fn report_streams(&self, streams: &[Stream], now: Timestamp) -> Result<(), LedgerError>;

    /// All streams that are remembered.
    async fn streams(&self) -> Result<Vec<Stream>, LedgerError>;

    /// The numbers that have arrived of each stream, including all notes that were written before this call.
    async fn arrived(&self, now: Timestamp) -> Result<BTreeMap<Uuid, Ranges>, LedgerError>;

    /// The missing events, by stream.
    async fn missing(&self) -> Result<Vec<Missing>, LedgerError>;

    /// Replaces the missing events of a stream; `None` if there are none.
    async fn set_missing(&self, stream: Uuid, missing: Option<&Missing>) -> Result<(), LedgerError>;

    /// Marks all missing events as arrived, and returns their number.
    async fn confirm_missing(&self) -> Result<u64, LedgerError>;

    /// Deletes streams whose last report, and arrivals whose last note, is older than `before`.
    async fn forget_streams(&self, before: Timestamp) -> Result<(), LedgerError>;
}

/// Adds noted numbers to the numbers that have arrived, within the limit of ranges.
pub(crate) fn join(arrived: &mut Ranges, noted: &Ranges) {
    arrived.add(noted);
    while arrived.ranges() > ARRIVED_RANGES
        && let Some((first, _)) = arrived.take_lowest()
        && let Some(next) = arrived.first()
    {
        arrived.insert(first, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn stream() -> Stream {
        Stream {
            id: Uuid::nil(),
            queue: "segment.live".to_owned(),
            lane: Lane::Live,
            started_at: at(10),
            last_at: at(55),
            confirmed: Ranges::of(1, 30),
            marks: vec![(1, at(20)), (11, at(30)), (21, at(50))],
        }
    }

    #[test]
    fn a_number_was_published_between_its_neighbouring_marks() {
        let times = |number| (stream().since(number), stream().until(number));
        assert_eq!(times(1), (at(20), at(30)));
        assert_eq!(times(10), (at(20), at(30)));
        assert_eq!(times(11), (at(30), at(50)));
        assert_eq!(times(30), (at(50), at(55)));
    }

    #[test]
    fn numbers_are_divided_by_time_only_at_marks() {
        let before = |second| stream().before(at(second)).and(&stream().confirmed).to_string();
        assert_eq!([before(20), before(31), before(55), before(56)], ["", "1-10", "1-20", "1-30"]);
        let after = |second| stream().after(at(second)).and(&stream().confirmed).to_string();
        assert_eq!([after(9), after(10), after(30), after(50)], ["1-30", "1-30", "21-30", ""]);
    }

    #[test]
    fn arrived_numbers_take_a_limited_number_of_ranges() {
        let mut arrived = Ranges::default();
        for number in 0..10_000 {
            join(&mut arrived, &Ranges::of(number * 2, number * 2));
        }
        assert_eq!(
            (arrived.ranges(), arrived.first(), arrived.last()),
            (ARRIVED_RANGES, Some(0), Some(19_998))
        );
    }
}
