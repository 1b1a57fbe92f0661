//! The running program: its roles in one process, the engines from the configuration, and what operators see and do.
//!
//! The order of reading: [`config`] (settings), [`engines`] (queue, ledger and vault), [`stack`] (the roles in one process),
//! [`capacity`] (room for new events), [`arrivals`] (accepted events that never arrive), [`notifications`] (messages that are
//! sent to operators), [`operator`] (the operator's view of events and persons, and acts), [`api`] (the same over HTTP),
//! [`supervise`] and [`shutdown`] (how roles run and end), [`health`] and [`metrics`] (their state), [`context`], [`output`],
//! [`failure`] and [`logs`] (the context of every command, and its answers).
//!
//! The crate does not know the commands, and reads neither arguments nor environment: both are passed in.

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
