//! The worker's heartbeat: readiness asks when each loop last came round.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;

/// When each loop last came round.
#[derive(Debug, Default)]
pub struct Beats(Mutex<BTreeMap<String, Timestamp>>);

impl Beats {
    /// The loop `name` came round at `now`.
    pub fn beat(&self, name: &str, now: Timestamp) {
        let mut beats = self.0.lock();
        match beats.get_mut(name) {
            Some(at) => *at = now,
            None => {
                beats.insert(name.to_owned(), now);
            }
        }
    }

    /// The loop `name` has ended on purpose.
    pub fn forget(&self, name: &str) {
        let mut beats = self.0.lock();
        beats.remove(name);
    }

    /// Every loop, with when it last came round.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Timestamp> {
        self.0.lock().clone()
    }
}
