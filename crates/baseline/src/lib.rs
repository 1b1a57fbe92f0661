//! The plain worker, the baseline of the benchmark: a program that a developer writes in an afternoon with the same
//! libraries.
//!
//! It makes one call, writes one row and sends one acknowledgement for each event, with 64 events in progress. It
//! does not batch, does not know what Refersion already holds, does not retry, and stops at the first error. It is
//! spared the most expensive part: it gets the affiliate of each event from a map in memory, instead of by more calls
//! or queries.
//!
//! [`rabbitmq`] (with Postgres) and [`sqlite`] are its two pairs of engines; both make the same call, [`Refersion`].
//! The crate knows no other crate of the workspace and shares no code with the program that is compared with it.

mod event;
pub mod rabbitmq;
mod refersion;
pub mod sqlite;

pub use refersion::{Affiliates, Refersion};

/// Maximum number of events in progress at the same time.
pub const CONCURRENCY: u16 = 64;
