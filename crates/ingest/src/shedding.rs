//! Lets deletes go first when there is too much to do.
//!
//! When the queue is full, every byte that becomes free would be taken by the next of many identifies. So identifies are
//! turned away for a moment without a try, and what becomes free meanwhile is there for deletes. Each lane by itself: a
//! sync that has filled its own says nothing about the room of the other.

use std::time::Duration;

use parking_lot::Mutex;
use queue::Lane;
use tokio::time::Instant;

/// For how long identifies are turned away after the queue was full.
const MOMENT: Duration = Duration::from_secs(1);

/// Whether identifies are turned away, and from which lane.
#[derive(Default)]
pub(crate) struct Shedding {
    live: Moment,
    bulk: Moment,
}

/// Until when.
#[derive(Default)]
struct Moment(Mutex<Option<Instant>>);

impl Shedding {
    pub(crate) fn begin(&self, lane: Lane) {
        *self.moment(lane).0.lock() = Some(Instant::now() + MOMENT);
    }

    pub(crate) fn is_on(&self, lane: Lane) -> bool {
        let until = *self.moment(lane).0.lock();
        until.is_some_and(|until| Instant::now() < until)
    }

    fn moment(&self, lane: Lane) -> &Moment {
        match lane {
            Lane::Live => &self.live,
            Lane::Bulk => &self.bulk,
        }
    }
}
