//! The simulator from outside: what Refersion documents, what we decided where it is silent, and every fault.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by unwrapping, as tests do")]

mod batches;
mod creating;
mod deterministic;
mod errors;
mod faults;
mod http;
mod looking;
mod spec;
mod support;
