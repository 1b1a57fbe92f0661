//! Real services for tests: private instances on free ports, in a temporary folder, that die with the tests.
//!
//! The programs come from Debian's packages, which are installed when they are missing and we may; nothing that the
//! machine runs already is touched. Only tests depend on this crate.

mod certificate;
pub mod faketime;
mod install;
pub mod postgres;
mod private;
pub mod rabbitmq;

use std::io;

pub use certificate::Authority;
pub use private::free_ports;

/// Why a service is not there. A test that needs it fails with this.
#[derive(Debug)]
pub struct Missing {
    /// What is missing, and what to do.
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
