//! Suspended custom fields among the settings of a connection.

use jiff::Timestamp;

use super::Settings;

impl Settings {
    /// Suspends a custom field.
    pub fn suspend(&mut self, field: u64, why: &str, since: Timestamp) {
        self.suspended_fields.insert(field, why.to_owned());
        self.suspended_since.insert(field, since);
    }

    /// Ends the suspension of the fields that `which` picks.
    pub fn end_suspensions(&mut self, which: impl Fn(u64) -> bool) {
        self.suspended_fields.retain(|field, _| !which(*field));
        self.suspended_since.retain(|field, _| !which(*field));
    }
}
