//! Real services for tests: private instances on free ports and in temporary folders, which end with the tests.
//!
//! The programs come from Debian's packages, which are installed if they are missing and the process runs as root.
//! Services that the machine runs already are not touched. Only tests depend on this crate, and it knows no other
//! crate of the workspace.

#![expect(clippy::disallowed_methods, reason = "who runs the tests names servers by the environment")]

mod certificate;
pub mod faketime;
mod http_proxy;
mod install;
pub mod pgbouncer;
pub mod postgres;
mod private;
pub mod rabbitmq;

use std::io;

pub use certificate::Authority;
pub use http_proxy::{HttpProxy, ProxyBehavior};
pub use private::free_ports;

/// The reason why a service is not available. A test that needs it fails with this error.
#[derive(Debug)]
pub struct Missing {
    /// The missing service, and the remedy.
    pub what: String,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Missing {}

impl From<io::Error> for Missing {
    fn from(error: io::Error) -> Self {
        Self { what: format!("a service could not be started: {error}") }
    }
}
