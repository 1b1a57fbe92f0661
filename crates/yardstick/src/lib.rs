//! The plain worker: what a good developer writes in an afternoon with the same libraries. The benchmark's yardstick.
//!
//! For each event one call, one row, one acknowledgement; 64 events at once. It folds nothing, remembers nothing of what
//! Refersion knows already, tries nothing again, and ends at the first error. It is let off what would cost it most: the
//! affiliate of each event is looked up in a map that it is given beforehand, instead of by further calls or queries.
//!
//! Its two pairs of engines stand in [`rabbitmq`] (with Postgres) and [`sqlite`]; the call, which is the same, in
//! [`Refersion`]. It shares no code with the program that is measured against it.

mod event;
pub mod rabbitmq;
mod refersion;
pub mod sqlite;

pub use refersion::{Affiliates, Refersion};

/// Events in hand at the same time.
pub const AT_ONCE: u16 = 64;
