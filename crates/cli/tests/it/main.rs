//! The binary as a script meets it: exit codes, standard output, standard error.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod config;
mod program;
mod simulate;
mod usage;
