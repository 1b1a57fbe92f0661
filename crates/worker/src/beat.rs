//! The worker's heartbeat: readiness checks when each loop last ran.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;

/// When each loop last ran.
#[derive(Debug, Default)]
pub struct Beats(Mutex<BTreeMap<String, Timestamp>>);

impl Beats {
    /// Notes that the loop `name` ran at `now`.
    pub fn beat(&self, name: &str, now: Timestamp) {
        let mut beats = self.0.lock();
        match beats.get_mut(name) {
            Some(at) => *at = now,
            None => {
                beats.insert(name.to_owned(), now);
            }
        }
    }

    /// Forgets the loop `name`, which has ended on purpose.
    pub fn forget(&self, name: &str) {
        let mut beats = self.0.lock();
        beats.remove(name);
    }

    /// Every loop, and when it last ran.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Timestamp> {
        self.0.lock().clone()
    }
}
