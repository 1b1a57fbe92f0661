//! The command line: from arguments and environment to an exit code.
//!
//! The order of reading: [`program`] (arguments, configuration, log, exit code), [`cli`] (the tree of commands), [`commands`]
//! (one file for each). The functions that commands call are in `service`, `bench` and `demo`.

pub mod cli;
pub mod commands;
pub mod program;
