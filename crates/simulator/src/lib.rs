//! A Refersion that runs here: REST API version 2 as far as affiliates go, for several accounts side by side, as
//! strict as the documentation, with faults on demand.
//!
//! It shares no code with the client, so that each catches the other's mistakes, and knows no other crate of the
//! workspace. There are two layers:
//!
//! - [`Simulator`], synchronous and deterministic: the caller says what time it is, and the same seed and requests
//!   give the same replies. Simulations of the whole system use it without HTTP.
//! - [`serve`], the same over HTTP, with real latency and real dropped connections. It also answers
//!   `POST /_simulator/faults` (a specification as [`Faults`] reads it), `GET /_simulator/state` and
//!   `GET /_simulator/calls`.
//!
//! Where Refersion's documentation is silent, [`Switches`] has the choice that was made and the other one. Not
//! simulated: conversions, offers, conversion triggers, reports (they answer 422 and are counted), and webhooks.

mod account;
mod accounts;
mod affiliate;
mod answer;
mod call;
mod calls;
mod dice;
mod faults;
mod http;
mod operation;
mod options;
mod simulator;
mod state;
mod traffic;

pub use account::{Before, Placed};
pub use affiliate::Status;
pub use calls::{AccountCalls, Calls, Effects};
pub use faults::{Chance, Down, Faults, FaultsError, Kind, Latency, Limit};
pub use http::{Shared, serve};
pub use options::{Options, Switches};
pub use simulator::{Incoming, Reply, Simulator};
pub use state::{AccountState, AffiliateState, State};
