//! The one way in which the embedded engines (queue and ledger) open and use a SQLite file.
//!
//! It settles, once, what the promises rest on: a commit is on the disk when it returns (`synchronous=FULL`),
//! deleted bytes are overwritten (`secure_delete`), only the owner reads the file (mode 0600), and a piece of work
//! happens wholly or not at all, whether it fails or panics.
//!
//! It knows no table and no statement: those belong to the engines.

mod check;
mod condition;
mod database;
mod error;
mod identity;
mod migrate;
mod open;
mod reset;
mod runner;
pub mod salvage;
mod wal;
mod wal_index;

use std::path::{Path, PathBuf};

pub use check::{Soundness, check, check_log, check_until, damage_at_start};
pub use database::Database;
pub use error::{Error, WorkError};
pub use migrate::{Migration, has_schema, migrate};
pub use reset::reset;
pub use rusqlite;

/// The file of the same name with `ending` behind it, as SQLite names its write-ahead log (`-wal`).
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
