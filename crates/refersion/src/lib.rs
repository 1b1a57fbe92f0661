//! Refersion's REST v2 API: its words as types, a client over a small transport port, and one place that says what
//! every failure means for the caller.
//!
//! The API answers with surprises: two kinds of ids under one name, 204 as a failure, 429 for a list that is too long,
//! 422 for "not found", success with half of a batch undone. This crate takes each of them in, so that nobody else has
//! to know. It knows nothing of Segment, of queues or of ledgers.
//!
//! - [`Client`] makes the calls; [`Transport`] carries them ([`HttpTransport`] is the real one); [`Gate`] is asked before
//!   and told after each of them.
//! - [`Failure`] says why a call did not succeed, by what the caller does about it ([`Class`]).
//! - [`Bisection`] finds the bad items of a refused batch; [`country`], [`state`] and [`password`] know the value rules.
//!
//! Facts come from the OpenAPI 3.0 definition that Refersion publishes at <https://www.refersion.dev/reference>. Where
//! it is silent, the code says "assumed" and why.

mod affiliate;
mod answer;
mod bisect;
mod classify;
mod client;
pub mod country;
mod credentials;
mod failure;
mod field;
mod gate;
mod http;
mod ids;
pub mod password;
pub mod state;
mod texts;
mod transport;

pub use affiliate::{Affiliate, Batch, Created, Edit, InitialStatus, MAX_BATCH, NewAffiliate, Status, Which};
pub use bisect::{Bisection, bisect};
pub use client::{Client, PasswordSource, same_address};
pub use credentials::{Credentials, Secret};
pub use failure::{Class, Failure, Operation};
pub use field::Field;
pub use gate::{Closed, Gate, Verdict};
pub use http::{CALL_DEADLINE, CONNECT_DEADLINE, HttpTransport, SetupError};
pub use ids::{AffiliateCode, AffiliateId};
pub use transport::{Answer, MAX_ANSWER_BYTES, Request, Transport, TransportError};
