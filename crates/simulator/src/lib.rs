//! A simulator of Refersion's REST API, version 2: the operations on affiliates, for several accounts, as strict as the
//! documentation, with faults on demand.
//!
//! It knows no other crate of the workspace and shares no code with the client, so that each reveals mistakes of the
//! other. It does not know what the client intends or which values are correct. There are two layers:
//!
//! - [`Simulator`] is synchronous and deterministic. The caller passes the time; the same seed and requests give the
//!   same replies. Simulations of the whole system use it without HTTP.
//! - [`serve`] serves it over HTTP, with real latency and dropped connections. It also answers
//!   `POST /_simulator/faults` (a specification as described at [`Faults`]), `GET /_simulator/state`,
//!   `GET /_simulator/calls`, `GET /_simulator/edits` (when an edit last changed each affiliate) and
//!   `GET /_simulator/clock`. `POST /_simulator/webhooks` sets where an account's webhooks go and how they are delivered, and
//!   `POST /_simulator/staff` changes an affiliate as the merchant's staff do.
//!
//! Where Refersion's documentation does not specify a behaviour, [`Switches`] select one. Not simulated: conversions,
//! offers, conversion triggers and reports (they answer 422 and are counted). Accounts with a [`WebhookTarget`] post webhooks
//! about affiliates, also about changes by [`Simulator::staff_changes`], which the client does not know.

mod account;
mod accounts;
mod affiliate;
mod answer;
mod call;
mod calls;
mod dashboard;
mod exchange;
mod faults;
mod http;
mod operation;
mod options;
mod random;
mod simulator;
mod state;
mod traffic;
mod webhooks;

pub use account::{AffiliateIds, ExistingAffiliate, StaffChange};
pub use affiliate::Status;
pub use calls::{AccountCalls, Calls, Effects};
pub use exchange::{ApiRequest, Reply};
pub use faults::{Faults, FaultsError, Kind, Latency, Limit, Outage, Probability};
pub use http::{Shared, serve};
pub use options::{Options, Switches};
pub use simulator::Simulator;
pub use state::{AccountState, AffiliateState, LastEdit, State};
pub use webhooks::{Deliveries, DeliveriesError, Retries, Topic, Webhook, WebhookCounts, WebhookTarget};
