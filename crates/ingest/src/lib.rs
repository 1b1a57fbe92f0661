//! The ingest endpoint: takes Segment's requests, and answers 202 only when the event is durable in the queue.
//!
//! [`Endpoint`] handles one request from its headers to its answer; [`serve()`] is the listener around it with its limits.
//! Each contract turns a request into events, and one path publishes them. The contracts are Segment's direct destination,
//! `POST /segment`: <https://segment.com/docs/partners/direct-destination/>; arrays of Segment's Webhooks destinations at
//! the same path; and Segment's Tracking API below `/v1/`, for its client libraries. Segment gives up after 5 s and retries
//! 429 and 5xx for 4 hours; it discards an event that gets another 4xx. So a condition that may pass is answered 503 in
//! time, and a mistake of the customer gets a 4xx with a `message` that the customer reads in Segment's debugger.
//!
//! The endpoint knows the queue and the shape of events, but neither the ledger nor Refersion. [`Keys`] looks up the
//! connection of a key, [`SharedSecrets`] the secrets that its requests are signed with, and [`Admission`] decides whether
//! there is room for new events. Refersion's own webhooks come below `/refersion/`, and [`AffiliateHooks`] accepts them. If
//! unknown keys are to become connections, a [`Registrar`] verifies them.

mod admission;
mod affiliates;
mod answer;
mod body;
mod budget;
mod clients;
mod closed;
mod credentials;
mod direct;
mod endpoint;
mod failures;
mod guard;
mod keys;
mod limits;
mod lookups;
mod meters;
mod publisher;
mod refused;
mod refused_signatures;
mod registration;
mod serve;
mod shedding;
mod signature;
mod signatures;
mod tracking;
mod webhooks;

pub use admission::{Admission, NoRoom};
pub use affiliates::{AffiliateHooks, Received};
pub use endpoint::Endpoint;
pub use keys::{Keys, KeysUnavailable};
pub use limits::Limits;
pub use meters::{Figures, Latency, Meters};
pub use refused_signatures::RefusedSignatures;
pub use registration::{Registrar, Registration, RegistrationFigures, RegistrationLimits};
pub use serve::{serve, serve_closed};
pub use signatures::SharedSecrets;
