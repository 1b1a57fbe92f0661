//! Lets deletes go first when there is too much load.
//!
//! When the queue is full, the next of many identifies would take every byte that becomes free. So identifies are turned
//! away for a moment without a try, and deletes use the room that becomes free meanwhile. Each lane is handled by itself: a
//! sync that has filled its own lane says nothing about the room of the other.

use std::time::Duration;

use parking_lot::Mutex;
use queue::Lane;
use tokio::time::Instant;

/// For how long identifies are turned away after the queue was full.
const MOMENT: Duration = Duration::from_secs(1);

/// The lanes from which identifies are turned away.
#[derive(Default)]
pub(crate) struct Shedding {
    live: Moment,
    bulk: Moment,
}

/// The end of that time.
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
