//! Hands the process's arguments and environment to the program; nothing else in the workspace reads them.

use std::process::ExitCode;

fn main() -> ExitCode {
    refersion_destination::program::run(std::env::args_os(), std::env::vars_os())
}
