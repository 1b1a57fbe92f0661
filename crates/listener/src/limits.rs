//! The limits of a listener.

use std::time::Duration;

use crate::Networks;

/// The limits of one listener.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at the same time, at least 1.
    pub max_connections: usize,
    /// Connections of one client address at the same time, at least 1. An IPv6 network of 64 bits counts as one address.
    pub max_per_address: usize,
    /// Addresses that `max_per_address` does not apply to, because many clients come through them.
    pub proxies: Networks,
    /// Time for the headers of a request. A connection that is idle for this long is closed too.
    pub header_timeout: Duration,
    /// Age at which a connection is closed after the request that is under way.
    pub max_age: Duration,
    /// Time that a connection gets to end gracefully, because of its age or because the listener stops.
    pub closing_time: Duration,
}
