//! Decides which events are missing, from the published events, the arrivals and the depth of the queue. No IO.
//!
//! Two observations show that an event is not in the queue any more. First, the queue was empty after the event's publishing
//! was confirmed, and the event had not arrived. This is certain except for messages that the broker is just moving, so it has
//! to be observed twice. Second, events that were published later to the same queue have arrived, and the queue is first in,
//! first out. The event may then still be on its way to the bulk lane, in the poison queue, or held by a worker: much more time
//! has to pass in which others arrive.

use std::collections::BTreeMap;
use std::time::Duration;

use identity::graph::Lane;
use jiff::{SignedDuration, Timestamp};
use ledger::{Missing, Stream};
use numbers::Ranges;
use queue::Depth;
use uuid::Uuid;

/// How long an event is absent from an empty queue before it is missing.
pub(super) const STAYS: SignedDuration = SignedDuration::from_secs(60);

/// How much later than an event another one has to be published to have overtaken it, even if the clocks differ.
const LATER: SignedDuration = SignedDuration::from_mins(5);

/// For how long others have to arrive before an event that they have overtaken is missing.
const OVERTAKEN: Duration = Duration::from_mins(30);

/// The same for a live event while the bulk lane, to which it may have been moved, was never seen empty.
const OVERTAKEN_WITH_BULK: Duration = Duration::from_hours(24);

/// Upper limit of the time that counts between two looks: the process may have been stopped in between.
const LONGEST_STEP: Duration = Duration::from_secs(60);

/// Upper limit of ranges that are kept of one stream's missing events.
const RANGES: usize = 1_000;

/// The data of one look. The streams were read before the queue was counted, the arrivals after it.
pub(super) struct Look<'a> {
    pub(super) now: Timestamp,
    pub(super) streams: &'a [Stream],
    pub(super) depth: Depth,
    pub(super) arrived: &'a BTreeMap<Uuid, Ranges>,
    /// The missing events that are known already.
    pub(super) missing: &'a [Missing],
    /// Events that were published earlier are not watched.
    pub(super) watched_from: Timestamp,
}

/// A change of one stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StreamChange {
    pub(super) stream: Uuid,
    /// The events that are missing now.
    pub(super) missing: Option<Missing>,
    /// How many events were found to be missing just now.
    pub(super) more: u64,
    /// Numbers that are only counted from now on, and are to be recorded as arrived.
    pub(super) given_up: Ranges,
}

/// The results of earlier looks.
#[derive(Default)]
pub(super) struct Detector {
    last_look: Option<Timestamp>,
    /// The publishing time of the newest event that has arrived, by queue.
    newest: BTreeMap<String, Timestamp>,
    suspects: BTreeMap<Uuid, Suspects>,
}

/// Events of one stream that may be missing.
#[derive(Default)]
struct Suspects {
    /// Events that were absent when the queue was empty, and since when.
    absent: Option<(Timestamp, Ranges)>,
    overtaken: Vec<Overtaken>,
}

/// Events that others have overtaken at about the same time.
struct Overtaken {
    numbers: Ranges,
    /// For how long others have arrived since.
    for_time: Duration,
    bulk_was_empty: bool,
}

impl Detector {
    /// Looks at everything, and returns what has changed.
    pub(super) fn detect(&mut self, look: &Look<'_>) -> Vec<StreamChange> {
        let newest = newest(look);
        let passed = self.last_look.map_or(Duration::ZERO, |last| {
            Duration::try_from(look.now.duration_since(last)).unwrap_or_default().min(LONGEST_STEP)
        });
        self.suspects.retain(|id, _| look.streams.iter().any(|stream| stream.id == *id));
        let mut changes = gone(look);
        for stream in look.streams {
            let arrived = look.arrived.get(&stream.id).cloned().unwrap_or_default();
            let watched = stream.confirmed.without(&arrived).and(&stream.after(look.watched_from));
            let suspects = self.suspects.entry(stream.id).or_default();
            let mut found = suspects.absent(look, stream, &watched);
            let newest_now = newest.get(&stream.queue).copied();
            let others_arrive = newest_now > self.newest.get(&stream.queue).copied();
            let step = if others_arrive { passed } else { Duration::ZERO };
            found.add(&suspects.overtaken(look, stream, &watched, (newest_now, step)));
            changes.extend(change(look, stream, &arrived, found));
        }
        (self.newest, self.last_look) = (newest, Some(look.now));
        changes
    }
}

/// The publishing time of the newest event that has arrived, by queue.
fn newest(look: &Look<'_>) -> BTreeMap<String, Timestamp> {
    let mut newest = BTreeMap::new();
    for stream in look.streams {
        if let Some(last) = look.arrived.get(&stream.id).and_then(Ranges::last) {
            let at = stream.since(last);
            newest
                .entry(stream.queue.clone())
                .and_modify(|it: &mut Timestamp| *it = at.max(*it))
                .or_insert(at);
        }
    }
    newest
}

/// Drops the missing events of streams that are not remembered any more: they are too old to be reported.
fn gone(look: &Look<'_>) -> Vec<StreamChange> {
    let is_gone = |missing: &&Missing| !look.streams.iter().any(|stream| stream.id == missing.stream);
    let gone = look.missing.iter().filter(is_gone).map(|missing| missing.stream);
    gone.map(|stream| StreamChange { stream, missing: None, more: 0, given_up: Ranges::default() }).collect()
}

impl Suspects {
    /// Events that an empty queue does not hold.
    fn absent(&mut self, look: &Look<'_>, stream: &Stream, watched: &Ranges) -> Ranges {
        // A live event may have been moved to the bulk lane, with which poison is counted.
        let is_empty = look.depth.bulk == 0 && (stream.lane == Lane::Bulk || look.depth.live == 0);
        if !is_empty {
            return Ranges::default();
        }
        let (since, absent) = self.absent.take().unwrap_or((look.now, Ranges::default()));
        let still = absent.and(watched);
        if still.is_empty() || look.now.duration_since(since) >= STAYS {
            self.absent = Some((look.now, watched.clone()));
            return still;
        }
        self.absent = Some((since, still));
        Ranges::default()
    }

    /// Events that later ones have overtaken for long enough.
    fn overtaken(
        &mut self,
        look: &Look<'_>,
        stream: &Stream,
        watched: &Ranges,
        (newest, step): (Option<Timestamp>, Duration),
    ) -> Ranges {
        let bulk_is_empty = stream.lane == Lane::Bulk || look.depth.bulk == 0;
        for group in &mut self.overtaken {
            group.numbers = group.numbers.and(watched);
            group.for_time += step;
            group.bulk_was_empty |= bulk_is_empty;
        }
        self.overtaken.retain(|group| !group.numbers.is_empty());
        let by = newest.and_then(|newest| newest.checked_sub(LATER).ok());
        let mut new = by.map_or_else(Ranges::default, |by| watched.and(&stream.before(by)));
        for group in &self.overtaken {
            new = new.without(&group.numbers);
        }
        match self.overtaken.last_mut() {
            _ if new.is_empty() => {}
            Some(last) if last.for_time < LONGEST_STEP => {
                last.numbers.add(&new);
                last.bulk_was_empty = bulk_is_empty;
            }
            _ => self.overtaken.push(Overtaken {
                numbers: new,
                for_time: Duration::ZERO,
                bulk_was_empty: bulk_is_empty,
            }),
        }
        let mut found = Ranges::default();
        for group in self.overtaken.iter().filter(|group| group.is_missing()) {
            found.add(&group.numbers);
        }
        found
    }
}

impl Overtaken {
    fn is_missing(&self) -> bool {
        self.for_time >= if self.bulk_was_empty { OVERTAKEN } else { OVERTAKEN_WITH_BULK }
    }
}

/// The missing events of a stream, if they have changed.
fn change(look: &Look<'_>, stream: &Stream, arrived: &Ranges, found: Ranges) -> Option<StreamChange> {
    let known = look.missing.iter().find(|missing| missing.stream == stream.id);
    let known_numbers = known.map(|known| known.numbers.clone()).unwrap_or_default();
    let mut numbers = known_numbers.clone();
    numbers.add(&found);
    let mut numbers = numbers.without(arrived);
    let more = numbers.without(&known_numbers).count();
    let mut beyond = known.map_or(0, |known| known.beyond);
    let is_old = known.is_some_and(|known| known.until < look.watched_from) && more == 0;
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
        // Events whose numbers are not kept cannot be seen to arrive.
        return (known.is_some() && (beyond == 0 || is_old)).then(|| nothing(stream.id));
    };
    if is_old {
        return Some(nothing(stream.id));
    }
    if numbers == known_numbers {
        return None;
    }
    let mut given_up = Ranges::default();
    while numbers.ranges() > RANGES
        && let Some((first, last)) = numbers.take_lowest()
    {
        given_up.insert(first, last);
    }
    beyond += given_up.count();
    let since = known.filter(|_| beyond > 0).map_or(stream.since(first), |known| known.since);
    let found_at = known.filter(|_| more == 0).map_or(look.now, |known| known.found_at);
    let (queue, until) = (stream.queue.clone(), stream.until(last));
    let missing = Missing { stream: stream.id, queue, numbers, beyond, since, until, found_at };
    Some(StreamChange { stream: stream.id, missing: Some(missing), more, given_up })
}

fn nothing(stream: Uuid) -> StreamChange {
    StreamChange { stream, missing: None, more: 0, given_up: Ranges::default() }
}

#[cfg(test)]
#[path = "detector_tests.rs"]
mod tests;
