//! Tests which events count as missing, and above all which do not.

use super::*;

const STREAM: Uuid = Uuid::from_u128(1);
const LIVE: &str = "segment.live";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn ranges(text: &str) -> Ranges {
    text.parse().unwrap()
}

/// A live stream that was given ten numbers each ten seconds.
fn stream(confirmed: &str) -> Stream {
    let confirmed = ranges(confirmed);
    let last = confirmed.last().unwrap_or(1);
    let marks: Vec<_> =
        (0..last.div_ceil(10)).map(|ten| (ten * 10 + 1, at(10 * ten.cast_signed()))).collect();
    let last_at = marks.last().map_or(at(0), |(_, at)| *at);
    Stream {
        id: STREAM,
        queue: LIVE.to_owned(),
        lane: Lane::Live,
        started_at: at(0),
        last_at,
        confirmed,
        marks,
    }
}

/// An installation as its detector sees it.
struct Harness {
    detector: Detector,
    streams: Vec<Stream>,
    arrived: BTreeMap<Uuid, Ranges>,
    missing: Vec<Missing>,
    depth: Depth,
    watched_from: Timestamp,
}

impl Harness {
    fn new(confirmed: &str, arrived: &str) -> Self {
        Self {
            detector: Detector::default(),
            streams: vec![stream(confirmed)],
            arrived: [(STREAM, ranges(arrived))].into(),
            missing: Vec::new(),
            depth: Depth::default(),
            watched_from: at(-7 * 86_400),
        }
    }

    fn arrive(&mut self, numbers: &str) {
        self.arrived.entry(STREAM).or_default().add(&ranges(numbers));
    }

    /// One look, after which the ledger holds what it found.
    fn look(&mut self, second: i64) -> Vec<StreamChange> {
        let look = Look {
            now: at(second),
            streams: &self.streams,
            depth: self.depth,
            arrived: &self.arrived,
            missing: &self.missing,
            watched_from: self.watched_from,
        };
        let changes = self.detector.detect(&look);
        for change in &changes {
            self.missing.retain(|missing| missing.stream != change.stream);
            self.missing.extend(change.missing.clone());
            self.arrived.entry(change.stream).or_default().add(&change.given_up);
        }
        changes
    }

    fn missing(&self) -> String {
        self.missing.iter().map(|missing| missing.numbers.to_string()).collect()
    }
}

#[test]
fn events_that_an_empty_queue_has_lacked_for_a_minute_are_missing_with_their_time_span() {
    let mut harness = Harness::new("1-100", "1-30,71-100");
    assert_eq!(harness.look(200), [], "the broker may be moving it");
    assert_eq!(harness.look(245), []);
    let changes = harness.look(260);
    assert_eq!((changes.len(), changes[0].more), (1, 40));
    let missing = &harness.missing[0];
    assert_eq!((missing.numbers.to_string().as_str(), missing.events()), ("31-70", 40));
    assert_eq!((missing.since, missing.until, missing.found_at), (at(30), at(70), at(260)));
    assert_eq!(harness.look(275), [], "it is told once");
}

#[test]
fn events_that_wait_in_the_queue_are_never_missing() {
    for depth in [Depth { live: 1, bulk: 0 }, Depth { live: 0, bulk: 1 }] {
        let mut harness = Harness::new("1-100", "1-30,71-100");
        harness.depth = depth;
        for minute in 0..600 {
            assert_eq!(harness.look(200 + 60 * minute), [], "{depth:?}");
        }
    }
}

#[test]
fn bulk_events_can_be_missing_while_live_ones_wait() {
    let mut harness = Harness::new("1-10", "1-9");
    harness.streams[0].lane = Lane::Bulk;
    harness.depth.live = 5;
    harness.look(100);
    harness.look(160);
    assert_eq!(harness.missing(), "10");
}

#[test]
fn numbers_that_were_never_confirmed_are_not_missed() {
    let mut harness = Harness::new("1-10,15,20-100", "1-10,15,20-100");
    harness.look(100);
    assert_eq!(harness.look(1_000), []);
}

#[test]
fn events_that_arrive_late_are_no_longer_missing() {
    let mut harness = Harness::new("1-100", "1-30");
    harness.look(200);
    harness.look(260);
    harness.arrive("31-60");
    let changes = harness.look(275);
    assert_eq!((changes[0].more, harness.missing()), (0, "61-100".to_owned()));
    assert_eq!(harness.missing[0].found_at, at(260));
    harness.arrive("61-100");
    assert_eq!(harness.look(290)[0].missing, None);
    assert_eq!(harness.missing(), "");
}

#[test]
fn an_event_under_way_during_one_check_is_not_missing_at_the_next() {
    let mut harness = Harness::new("1-100", "1-99");
    for second in 0_u64..100 {
        // Another one is on its way each time.
        harness.streams[0] = stream(&format!("1-{}", 101 + second));
        assert_eq!(harness.look(200 + 15 * second.cast_signed()), []);
        harness.arrive(&format!("1-{}", 100 + second));
    }
}

/// Live events go through the queue all the time, so that it is never seen empty.
fn busy(harness: &mut Harness, minutes: i64, mut step: impl FnMut(&mut Harness, i64)) {
    harness.depth.live = 3;
    for quarter in 0..minutes * 4 {
        let second = 1_000 + 15 * quarter;
        let last = second.unsigned_abs() + 10;
        harness.streams[0] = stream(&format!("1-{last}"));
        harness.arrive(&format!("101-{}", last - 5));
        step(harness, second);
        harness.look(second);
    }
}

#[test]
fn an_event_of_a_busy_queue_is_missing_half_an_hour_after_others_overtook_it() {
    let mut harness = Harness::new("1-100", "1-60");
    busy(&mut harness, 29, |harness, _| assert_eq!(harness.missing(), ""));
    let mut harness = Harness::new("1-100", "1-60");
    busy(&mut harness, 33, |_, _| {});
    assert_eq!(harness.missing(), "61-100");
}

#[test]
fn an_event_that_may_wait_in_the_bulk_lane_is_given_a_day() {
    let mut harness = Harness::new("1-100", "1-60");
    busy(&mut harness, 120, |harness, _| harness.depth.bulk = 7);
    assert_eq!(harness.missing(), "");
    busy(&mut harness, 33, |harness, _| harness.depth.bulk = 0);
    assert_eq!(harness.missing(), "61-100");
}

#[test]
fn no_event_is_overtaken_while_nothing_arrives() {
    let mut harness = Harness::new("1-100", "1-60");
    busy(&mut harness, 10, |_, _| {});
    for minute in 0..600 {
        harness.look(1_600 + 60 * minute);
    }
    assert_eq!(harness.missing(), "");
}

#[test]
fn an_event_of_a_publisher_that_has_ended_is_overtaken_by_those_of_others() {
    let mut harness = Harness::new("1-100", "1-60");
    let ended = Uuid::from_u128(2);
    harness.streams.push(Stream { id: ended, ..stream("1-50") });
    harness.arrived.insert(ended, ranges("1-40"));
    harness.arrive("61-100");
    busy(&mut harness, 33, |harness, _| {
        let last = harness.streams[0].clone();
        harness.streams = vec![last, Stream { id: ended, ..stream("1-50") }];
    });
    assert_eq!(harness.missing(), "41-50");
}

#[test]
fn events_that_are_too_old_are_neither_found_nor_reported() {
    let mut harness = Harness::new("1-100", "1-30");
    harness.look(200);
    harness.look(260);
    assert_eq!(harness.missing(), "31-100");
    harness.watched_from = at(1_000);
    harness.look(300);
    assert_eq!(harness.missing(), "");
    harness.look(400);
    assert_eq!(harness.missing(), "");
    let mut forgotten = Harness::new("1-100", "1-30");
    forgotten.look(200);
    forgotten.look(260);
    forgotten.streams.clear();
    forgotten.look(300);
    assert_eq!(forgotten.missing(), "");
}

#[test]
fn missing_events_take_a_limited_number_of_ranges_and_are_all_counted() {
    let mut harness = Harness::new("1-6000", "");
    harness.arrived.insert(STREAM, Ranges::default());
    for number in 1..=3_000 {
        harness.arrive(&(2 * number).to_string());
    }
    harness.look(20_000);
    harness.look(20_060);
    let missing = harness.missing[0].clone();
    assert_eq!((missing.numbers.ranges(), missing.events()), (RANGES, 3_000));
    assert_eq!(missing.since, at(0), "the oldest counts");
    assert_eq!(harness.look(20_075), []);
    assert_eq!(harness.look(20_200), []);
}
