//! Hands the process's arguments and environment to the program; nothing else in the workspace reads them.

#![expect(
    clippy::disallowed_methods,
    reason = "only here the program reads its arguments and its environment"
)]

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A worker that goes through tens of thousands of events a second spends a third of its time in the C library's
/// allocator, and gives memory back to the system only to ask for it again.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    refersion_destination::program::run(std::env::args_os().collect(), std::env::vars_os().collect())
}
