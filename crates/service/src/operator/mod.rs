//! The operator's view: events with their history, persons with their stored data, and the reasons why both wait.
//!
//! `verification` asks Refersion whether keys work. `dead_letters`, `plans`, `repairs`, `connections`, `operators`, `adoption`
//! and `new_key` act, and `audit` records acts and their actors; the others only read. Commands show the results in tables or
//! JSON, the HTTP API ([`crate::api`]) in answers.

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
