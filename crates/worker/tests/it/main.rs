//! The worker as a whole: over real engines in memory, a simulated Refersion, and time that is not waited for.

mod absorb;
mod deliver;
mod newcomer;
mod reconcile;
mod sim;
