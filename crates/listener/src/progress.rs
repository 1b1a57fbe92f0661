//! The progress of a connection with the request that it serves.
//!
//! Between two requests its place may be given away. From a request's headers until the last byte of the answer is with the
//! system it may not, except while a client sends nothing of its body.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::places::{Place, Wait};

/// No request has come yet.
const NEW: u8 = 0;
const IDLE: u8 = 1;
const SERVING: u8 = 2;
/// The answer is complete, and not yet written.
const ANSWERED: u8 = 3;

/// The progress of one connection, as seen by its service, the body of its answer and its stream.
pub(crate) struct Progress {
    place: Place,
    state: AtomicU8,
}

impl Progress {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, state: AtomicU8::new(NEW) }
    }

    /// Whether no request has come yet.
    pub(crate) fn is_new(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NEW
    }

    /// A request has come. Returns whether it may be served: not if the place has just been given away.
    pub(crate) fn begin(&self) -> bool {
        self.state.store(SERVING, Ordering::Relaxed);
        self.place.set_busy()
    }

    /// Notes that the whole answer was handed over.
    pub(crate) fn answered(&self) {
        self.step(SERVING, ANSWERED);
    }

    /// Notes that all data that was handed over is written.
    pub(crate) fn flushed(&self) {
        if self.step(ANSWERED, IDLE) {
            self.place.set_waiting(Wait::Request);
        }
    }

    /// Notes that the handler waits for the body, and that nothing of it has come.
    pub(crate) fn starved(&self) {
        self.place.set_waiting(Wait::Body);
    }

    /// Notes that more of the body has come, or that the handler no longer waits. Returns whether the request may go on.
    pub(crate) fn fed(&self) -> bool {
        self.place.set_busy()
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
