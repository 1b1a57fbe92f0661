//! A client for Refersion's REST API, version 2: typed calls, a small transport port, and one classification of
//! failures.
//!
//! The API has pitfalls: two kinds of ids under one name, 204 for a failure, 429 for a list that is too long, 422 for
//! "not found", 200 for a batch of which a part failed. This crate handles them, so that no other crate has to. It
//! knows nothing about Segment, queues, ledgers or persons, and it decides neither what to send nor when to retry.
//!
//! - [`Client`] makes the calls. It sends them through a [`Transport`] ([`HttpTransport`] over the network) and asks a
//!   [`Gate`] before each.
//! - [`Failure`] describes a call that did not succeed; its [`Class`] says what the caller has to do.
//! - [`Bisection`] finds the refused items of a batch. [`country`], [`state`] and [`password`] hold the rules for
//!   values.
//!
//! Facts come from the OpenAPI 3.0 definition that Refersion publishes at <https://www.refersion.dev/reference>.
//! Where it does not specify a behaviour, the code says "assumed" and why.

mod affiliate;
mod answer;
mod bisect;
mod classify;
mod client;
pub mod country;
mod credentials;
mod error_kind;
mod failure;
mod field;
mod gate;
mod http;
mod ids;
mod operation;
pub mod password;
pub mod state;
mod transport;
pub mod webhook;

pub use affiliate::{
    Affiliate, Batch, Created, Edit, InitialStatus, LookupBy, MAX_BATCH, NewAffiliate, Status,
};
pub use bisect::{Bisection, bisect};
pub use client::{Client, ListPage, Listed, MAX_LISTED, same_address};
pub use credentials::{Credentials, Secret};
pub use failure::{Class, Failure};
pub use field::Field;
pub use gate::{Closed, Gate, Signal};
pub use http::{
    CALL_DEADLINE, CONNECT_DEADLINE, HttpTransport, Proxies, ProxyUrl, SetupError, install_crypto,
};
pub use ids::{AffiliateCode, AffiliateId};
pub use operation::Operation;
pub use transport::{Answer, MAX_ANSWER_BYTES, Request, Transport, TransportError};
