//! The limits of the ingest endpoint.

use std::time::Duration;

use listener::Networks;

use crate::RegistrationLimits;

/// The limits of the ingest endpoint.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum number of open connections, at least 1. At this number, a new connection replaces the one that has been idle
    /// for longest; while all are in the middle of requests, it waits in the system's backlog.
    pub max_connections: usize,
    /// Connections of one address, and requests of one client behind a proxy, at the same time, at least 1.
    pub max_connections_per_address: usize,
    /// Proxies whose `X-Forwarded-For` or `Forwarded` names the client of a request.
    pub trusted_proxies: Networks,
    /// Bytes of one body. Segment's own limit for one event is 32 KiB.
    pub max_body_bytes: usize,
    /// Bytes of one body that is an array of events. At most an eighth of `body_memory_bytes` counts: one connection may have a
    /// quarter, and the items are copied.
    pub max_array_bytes: usize,
    /// Bytes of memory that the bodies of all requests under way may take, at least `max_body_bytes`.
    pub body_memory_bytes: usize,
    /// How long the headers of a request may take, and how long a connection may idle before them.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// Time until a request is answered 503 if its event is not durable by then. Segment gives up after 5 s.
    pub deadline: Duration,
    /// Different wrong keys of one client in a minute that are answered 401; further ones are answered 429.
    pub failed_keys_per_minute: usize,
    /// Verifications of unknown keys, if these are registered.
    pub registration: RegistrationLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_connections_per_address: 256,
            trusted_proxies: Networks::default(),
            max_body_bytes: 512 * 1024,
            max_array_bytes: 8 * 1024 * 1024,
            body_memory_bytes: 64 * 1024 * 1024,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(3),
            deadline: Duration::from_secs(4),
            failed_keys_per_minute: 30,
            registration: RegistrationLimits { by_client: 30, altogether: 120 },
        }
    }
}
