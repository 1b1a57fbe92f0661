//! What the door bears.

use std::time::Duration;

/// The limits of the door.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at the same time, at least 1; more wait in the system's backlog.
    pub max_connections: usize,
    /// Bytes of one body. Segment's own limit for one event is 32 KiB.
    pub max_body_bytes: usize,
    /// How long the headers of a request may take, and how long a connection may idle before them.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// When a request is answered 503 if its event is not durable by then. Segment gives up after 5 s.
    pub deadline: Duration,
    /// Different wrong keys that one address may try in a minute.
    pub failed_keys_per_minute: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_body_bytes: 512 * 1024,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(3),
            deadline: Duration::from_secs(4),
            failed_keys_per_minute: 30,
        }
    }
}
