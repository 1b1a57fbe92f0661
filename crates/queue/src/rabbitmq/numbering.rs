//! Numbers the published events, and remembers which numbers the broker has confirmed.

use std::time::Duration;

use jiff::Timestamp;
use numbers::Ranges;
use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;

use super::topology::{Source, Topology};
use crate::published::Numbers;
use crate::{Clock, Lane, Published};

/// Maximum number of ranges of confirmed numbers; beyond it the lowest are no longer watched.
const RANGES: usize = 1_000;

/// Maximum number of marks; beyond it every second one of the older half is dropped.
const MARKS: usize = 128;

/// Shortest time between two marks.
const BETWEEN_MARKS: Duration = Duration::from_secs(10);

/// The streams of one process.
pub(super) struct Numbering {
    streams: Vec<Stream>,
    clock: Clock,
    started_at: Timestamp,
}

/// The stream of one queue.
struct Stream {
    id: Uuid,
    queue: String,
    key: String,
    lane: Lane,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number that was given last.
    last: u64,
    last_at: Timestamp,
    confirmed: Ranges,
    marks: Vec<(u64, Timestamp)>,
}

impl Numbering {
    /// A new stream for each queue of a lane.
    pub(super) fn new(topology: &Topology, clock: &Clock) -> Self {
        let of_lane = topology.queues.iter().filter_map(|queue| match queue.source {
            Source::Lane(lane) => Some((queue, lane)),
            Source::Poison => None,
        });
        let streams = of_lane.map(|(queue, lane)| Stream {
            id: Uuid::from_u128(rand::random()),
            queue: queue.name.clone(),
            key: queue.key.clone(),
            lane,
            state: Mutex::default(),
        });
        Self { streams: streams.collect(), clock: Clock::clone(clock), started_at: clock() }
    }

    /// Assigns the next numbers to a message of `events` events for the queue with the routing key `key`.
    pub(super) fn give(&self, key: &str, events: usize) -> Option<Numbers> {
        let stream = self.streams.iter().find(|stream| stream.key == key)?;
        let now = (self.clock)();
        let mut state = stream.lock();
        let first = state.last + 1;
        state.last += events.max(1) as u64;
        state.last_at = now;
        state.mark(first, now);
        Some(Numbers { stream: stream.id, first, last: state.last })
    }

    /// Notes that the broker confirmed these.
    pub(super) fn confirm(&self, numbers: &[Numbers]) {
        for numbers in numbers {
            let Some(stream) = self.streams.iter().find(|stream| stream.id == numbers.stream) else {
                continue;
            };
            let mut state = stream.lock();
            state.confirmed.insert(numbers.first, numbers.last);
            while state.confirmed.ranges() > RANGES {
                state.confirmed.take_lowest();
            }
        }
    }

    /// The streams in which something was confirmed.
    pub(super) fn published(&self) -> Vec<Published> {
        let published = self.streams.iter().map(|stream| {
            let state = stream.lock();
            Published {
                stream: stream.id,
                queue: stream.queue.clone(),
                lane: stream.lane,
                started_at: self.started_at,
                last_at: state.last_at,
                confirmed: state.confirmed.clone(),
                marks: state.marks.clone(),
            }
        });
        published.filter(|stream| !stream.confirmed.is_empty()).collect()
    }
}

impl Stream {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn mark(&mut self, number: u64, now: Timestamp) {
        let is_due = |(_, at): &(u64, Timestamp)| now.duration_since(*at).unsigned_abs() >= BETWEEN_MARKS;
        if !self.marks.last().is_none_or(is_due) {
            return;
        }
        self.marks.push((number, now));
        if self.marks.len() > MARKS {
            let mut place = 0;
            self.marks.retain(|_| {
                place += 1;
                place > MARKS / 2 || place % 2 == 1
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::rabbitmq::Options;

    fn numbering(now: &Arc<AtomicI64>) -> Numbering {
        let now = Arc::clone(now);
        let clock: Clock = Arc::new(move || Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap());
        Numbering::new(&Topology::new(&Options::default()).unwrap(), &clock)
    }

    #[test]
    fn only_confirmed_events_count_as_published() {
        let numbering = numbering(&Arc::default());
        let given = [3, 1, 2].map(|events| numbering.give("live", events).unwrap());
        assert_eq!(given.map(|it| (it.first, it.last)), [(1, 3), (4, 4), (5, 6)]);
        assert_eq!(numbering.published(), []);
        numbering.confirm(&[given[0], given[2]]);
        let published = numbering.published();
        assert_eq!(published.len(), 1, "nothing went to the bulk lane");
        assert_eq!((published[0].confirmed.to_string().as_str(), published[0].lane), ("1-3,5-6", Lane::Live));
        assert_eq!(published[0].queue, "segment.live");
        let bulk = numbering.give("bulk", 1).unwrap();
        assert_eq!(
            (bulk.first, bulk.stream == given[0].stream),
            (1, false),
            "each queue has a stream of its own"
        );
        assert_eq!(numbering.give("elsewhere", 1), None);
    }

    #[test]
    fn failed_publishes_do_not_exceed_the_limit_of_ranges() {
        let now = Arc::new(AtomicI64::new(0));
        let numbering = numbering(&now);
        for _ in 0..5_000 {
            numbering.confirm(&[numbering.give("live", 1).unwrap()]);
            numbering.give("live", 1);
            now.fetch_add(7, Ordering::SeqCst);
        }
        let published = numbering.published().remove(0);
        assert_eq!((published.confirmed.ranges(), published.confirmed.last()), (RANGES, Some(9_999)));
        assert!(published.marks.len() <= MARKS, "{}", published.marks.len());
        assert_eq!(published.marks[0], (1, Timestamp::UNIX_EPOCH), "the first one stays");
        assert!(published.marks.is_sorted());
    }
}
