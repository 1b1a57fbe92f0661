//! The only way for the embedded engines (queue and ledger) to open and use a SQLite file.
//!
//! It makes the settings that the promises depend on in one place: a commit is on the disk when it returns
//! (`synchronous=FULL`), deleted bytes are overwritten (`secure_delete`), only the owner can read the file (mode 0600),
//! and a piece of work is done completely or not at all, even if it fails or panics.
//!
//! It contains no tables and no statements: those belong to the engines.

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

/// The file of the same name followed by `ending`, as SQLite names its write-ahead log (`-wal`).
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
