//! The one way in which the embedded engines (queue and ledger) open and use a SQLite file.
//!
//! It settles, once, what the promises rest on: a commit is on the disk when it returns (`synchronous=FULL`),
//! deleted bytes are overwritten (`secure_delete`), only the owner reads the file (mode 0600), and a piece of work
//! happens wholly or not at all, whether it fails or panics.
//!
//! It knows no table and no statement: those belong to the engines.

mod database;
mod error;
mod migrate;
mod open;
mod runner;

pub use database::Database;
pub use error::Error;
pub use migrate::{Migration, migrate};
pub use rusqlite;
