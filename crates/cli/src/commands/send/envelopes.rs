//! Makes envelopes of events. An identify that is sent again has the same id; a delete has one for each run.

use files::{Event, Kind};
use jiff::{SignedDuration, Timestamp};
use queue::{Envelope, FORMAT, Lane};

use super::marker::Saved;
use service::clock::{self, Clock};

/// If a file is younger than this, the ids of its events contain the file's time: each run sends the very same events, apart
/// from deletes. The ledger keeps events by the time in their ids, so events of an older file get the time of the run.
const YOUNG: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An interrupted run is resumed with its own ids for this long.
const RESUMED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Makes the envelopes of one run.
pub(super) struct Envelopes {
    connection: i64,
    /// The time of the file, for the ids of its events; `None` if the file is too old for that.
    file_time: Option<Timestamp>,
    pub(super) started_at: Timestamp,
    clock: Clock,
}

impl Envelopes {
    /// For a file of `time`; `saved` is the run that is resumed.
    pub(super) fn of(connection: i64, time: Timestamp, now: Timestamp, saved: Option<&Saved>) -> Self {
        let is_recent = |at: &Timestamp| *at <= now && now.duration_since(*at) < RESUMED_WITHIN;
        let started_at = saved.map(|saved| saved.started_at).filter(is_recent).unwrap_or(now);
        let is_young = time <= now && now.duration_since(time) < YOUNG;
        let file_time = is_young.then_some(time);
        Self { connection, file_time, started_at, clock: clock::system() }
    }

    /// Begins a new run: the file is not the one that `saved` was about.
    pub(super) fn start_again(&mut self) {
        self.started_at = self.now();
    }

    /// The time at which events that are read now count as accepted.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The envelope of an event that is accepted at this time. Events of a file wait behind live events, except for deletes.
    pub(super) fn envelope(&self, event: Event, received_at: Timestamp) -> Envelope {
        let lane = match event.kind {
            Kind::Identify | Kind::Other => Lane::Bulk,
            Kind::Delete => Lane::Live,
        };
        Envelope {
            format: FORMAT,
            event_id: self.id(event.kind, event.digest),
            connection: self.connection,
            lane,
            received_at,
            replay: false,
            revision: 0,
            public: false,
            payload: event.payload,
        }
    }

    /// A UUIDv7 of the event's digest, which differs between connections. A delete always has the time of the run: a second run
    /// asks to delete the data since the first one, so it is not a repeat.
    fn id(&self, kind: Kind, digest: [u8; 16]) -> uuid::Uuid {
        let at = match kind {
            Kind::Delete => self.started_at,
            Kind::Identify | Kind::Other => self.file_time.unwrap_or(self.started_at),
        };
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&digest[..10]);
        for (byte, mine) in bytes.iter_mut().rev().zip(self.connection.to_le_bytes()) {
            *byte ^= mine;
        }
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn id(connection: i64, time: i64, now: i64, saved: Option<&Saved>) -> uuid::Uuid {
        Envelopes::of(connection, at(time), at(now), saved).id(Kind::Identify, [7; 16])
    }

    #[test]
    fn a_delete_is_another_event_in_each_run_and_the_same_in_a_run_that_is_resumed() {
        let saved = Saved { started_at: at(NOW), ..Saved::default() };
        for time in [NOW - 60, 0] {
            let of = |now, saved| Envelopes::of(1, at(time), at(now), saved).id(Kind::Delete, [7; 16]);
            assert_ne!(of(NOW, None), of(NOW + 1, None), "of a file of {time}");
            assert_eq!(of(NOW, None), of(NOW + 3_600, Some(&saved)), "of a file of {time}");
        }
        let mut envelopes = Envelopes::of(1, at(NOW - 60), at(NOW + 1), Some(&saved));
        let resumed = envelopes.id(Kind::Delete, [7; 16]);
        envelopes.start_again();
        assert_ne!(envelopes.id(Kind::Delete, [7; 16]), resumed, "another file is another run");
    }

    #[test]
    fn a_young_file_has_the_same_events_in_each_run() {
        assert_eq!(id(1, NOW - 60, NOW, None), id(1, NOW - 60, NOW + 1_000, None));
        assert_ne!(id(1, NOW - 60, NOW, None), id(2, NOW - 60, NOW, None));
    }

    #[test]
    fn an_old_file_has_the_same_events_in_a_run_that_is_resumed() {
        let saved = Saved { started_at: at(NOW), ..Saved::default() };
        let first = id(1, 0, NOW, None);
        assert_eq!(first, id(1, 0, NOW + 3_600, Some(&saved)));
        assert_ne!(first, id(1, 0, NOW + 3_600, None));
        assert_ne!(first, id(1, 0, NOW + 90_000, Some(&saved)), "events of a day ago would expire early");
    }
}
