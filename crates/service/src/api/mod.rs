//! The HTTP API for operators: `/api/v1`.
//!
//! The path of a request: `server` (limits of the listener) → `guard` (authenticates the caller, checks the role and the
//! `Idempotency-Key`, writes acts into the audit) → a handler in `routes`, which gets the ledger from the guard alone, together
//! with the connections that the operator may see. [`document`] is the OpenAPI document; the role that a route needs is read
//! from it, so that a route without one is served to nobody.

mod audited;
mod claim;
#[cfg(test)]
mod compatible;
mod cursor;
pub mod document;
mod extract;
mod guard;
mod idempotency;
mod mask;
mod problem;
mod routes;
mod server;
mod turns;

pub use server::serve;
