//! The worker as a whole: over real engines in memory, a simulated Refersion, and time that is not waited for.

#![expect(clippy::disallowed_methods, reason = "tests take seeds and times from outside")]

mod absorb;
mod deliver;
mod newcomer;
mod reconcile;
mod sim;
