//! The simulator through its public interface: documented behaviour, assumptions, switches and every fault.

#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

mod batches;
mod creating;
mod deterministic;
mod errors;
mod faults;
mod http;
mod lookup;
mod spec;
mod support;
mod webhooks;
