//! The binary's inside: it reads the configuration, picks engines, and runs a role or an operator's command.
//!
//! Only this crate knows all the others, and only it reads the environment and the wall clock. The order of reading:
//! [`program`] (from arguments to exit code), [`cli`] (the tree of commands), [`commands`] (one file for each),
//! [`config`] (what the program is told), [`engines`] (queue, ledger and vault), [`capacity`] (room for new events), [`arrivals`] (accepted
//! events that never arrive), [`stack`] (the roles in one process), [`notifications`] (what operators are told of by themselves),
//! [`operator`] (what an operator sees of events and persons, and does), [`api`] (the same over HTTP), [`supervise`] and [`shutdown`] (how roles run and end),
//! [`health`] and [`metrics`] (how they are).

pub mod api;
pub mod arrivals;
pub mod capacity;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod engines;
pub mod failure;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod notifications;
pub mod operator;
pub mod output;
pub mod program;
pub mod segment_api;
pub mod shutdown;
pub mod stack;
pub mod supervise;
