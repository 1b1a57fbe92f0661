//! The engines of the ledger, run as their callers run them.

mod sqlite_engine;
mod sqlite_file;
