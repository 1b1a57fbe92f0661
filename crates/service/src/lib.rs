//! What runs: the roles in one process, over the engines that the configuration names, and what an operator sees and does there.
//!
//! The order of reading: [`config`] (what the program is told), [`engines`] (queue, ledger and vault), [`stack`] (the roles in one
//! process), [`capacity`] (room for new events), [`arrivals`] (accepted events that never arrive), [`notifications`] (what operators
//! are told of by themselves), [`operator`] (what an operator sees of events and persons, and does), [`api`] (the same over HTTP),
//! [`supervise`] and [`shutdown`] (how roles run and end), [`health`] and [`metrics`] (how they are), [`context`], [`output`],
//! [`failure`] and [`logs`] (what every command is given, and how it answers).
//!
//! It does not know the commands, and reads neither arguments nor environment: both are handed in.

pub mod api;
pub mod arrivals;
pub mod capacity;
pub mod clock;
pub mod config;
pub mod context;
pub mod engines;
pub mod failure;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod notifications;
pub mod operator;
pub mod output;
pub mod segment_api;
pub mod shutdown;
pub mod stack;
pub mod supervise;

pub use context::{API_KEY, Context};
