//! Counters of one listener.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start of the process. They outlive a listener that is started again.
#[derive(Debug, Default)]
pub struct Meters {
    open: AtomicU64,
    closed_idle: AtomicU64,
    refused: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Connections that are open now.
    pub open: u64,
    /// Idle connections that were closed to make room for new ones.
    pub closed_idle: u64,
    /// Connections that were refused because their address had its share, all of it in use.
    pub refused: u64,
}

impl Meters {
    /// The counters now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures { open: read(&self.open), closed_idle: read(&self.closed_idle), refused: read(&self.refused) }
    }

    pub(crate) fn set_open(&self, open: usize) {
        self.open.store(open as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_closed_idle(&self) {
        self.closed_idle.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}
