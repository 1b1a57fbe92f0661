//! What an operator sees: events with what happened to them, persons with what is kept of them, and what both wait for.
//!
//! `verification` asks Refersion whether keys work. `dead_letters`, `plans`, `repairs`, `connections`, `operators`, `adoption` and
//! `new_key` act, and `audit` writes down who did what; the others only read. The commands put it into tables or JSON, and the
//! HTTP API ([`crate::api`]) into answers.

pub mod adoption;
pub mod audiences;
pub mod audit;
pub mod connections;
pub mod dead_letters;
pub mod directory;
pub mod drift;
mod event_row;
pub mod events;
#[cfg(test)]
mod harness;
pub mod new_key;
pub mod operators;
pub mod plans;
pub mod profile;
pub mod repairs;
pub mod subject;
pub mod verification;
pub mod waiting;
pub mod why;
pub mod workers;

pub use directory::Directory;
pub use subject::Subject;
