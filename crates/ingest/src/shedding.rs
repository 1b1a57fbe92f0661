//! Lets deletes go first when there is too much to do.
//!
//! When the queue is full, every byte that becomes free would be taken by the next of many identifies. So identifies are
//! turned away for a moment without a try, and what becomes free meanwhile is there for deletes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// For how long identifies are turned away after the queue was full.
const MOMENT: Duration = Duration::from_secs(1);

/// Whether identifies are turned away.
#[derive(Default)]
pub(crate) struct Shedding(Mutex<Option<Instant>>);

impl Shedding {
    pub(crate) fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + MOMENT);
    }

    pub(crate) fn is_on(&self) -> bool {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}
