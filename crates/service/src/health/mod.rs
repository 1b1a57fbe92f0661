//! The state of the process for machines: `/healthz`, `/readyz` and `/metrics`, without a credential and without personal data.

mod pulse;
mod server;

pub use pulse::{Condition, Freshness, LoopState, Pulse, Pulses, Silences, Trouble};
pub use server::{Health, serve};
