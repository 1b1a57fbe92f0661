//! The worker as a whole: over real engines in memory, a simulated Refersion, and virtual time.

#![expect(clippy::disallowed_methods, reason = "tests take seeds and times from outside")]

mod absorb;
mod deliver;
mod reconcile;
mod sim;
mod unusual_events;
