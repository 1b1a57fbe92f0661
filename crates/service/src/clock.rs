//! The wall clock: only this module of the workspace reads it. All other code receives a `Clock`.

#![expect(clippy::disallowed_methods, reason = "this is the clock of the whole program")]

use std::sync::Arc;

use jiff::Timestamp;

/// The time of day, as every crate takes it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The system's clock, cut to the microsecond, which is how exactly times are kept.
#[must_use]
pub fn system() -> Clock {
    Arc::new(|| {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    })
}
