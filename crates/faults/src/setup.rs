//! The settings with which every process of a row is started.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use simulator::{Options, Switches};

/// Options of a row that differ from the defaults.
#[derive(Clone, Debug, Default)]
pub struct RowOptions {
    /// Settings of the processes, as variables.
    pub variables: Vec<(String, String)>,
    /// The fault point of the workers; see `Harness::points`.
    pub point: Option<&'static str>,
}

/// Settings of every process: retries are quick, so that a row ends soon.
pub(crate) fn settings() -> Vec<(String, String)> {
    let setting = |key: &str, value: &str| (format!("REFERSION_DESTINATION__{key}"), value.to_owned());
    vec![
        setting("HEALTH__LISTEN", "127.0.0.1:0"),
        setting("API__LISTEN", "127.0.0.1:0"),
        setting("RETRY__INITIAL", "200ms"),
        setting("RETRY__MAX_INTERVAL", "3s"),
        setting("BREAKER__FAILURES", "6"),
        // There are few people: the fast path is used for batches that would not be worth a call elsewhere.
        setting("WORKER__CARRY_FROM", "1"),
        setting("LOG__LEVEL", "info"),
    ]
}

/// A simulated Refersion. Every second one compresses its answers.
pub(crate) fn refersion(seed: u64) -> Options {
    let switches = Switches { gzip: seed.is_multiple_of(2), ..Switches::default() };
    Options { seed, switches, ..Options::default() }
}

/// Addresses that were free a moment ago, and stay so while their ingest endpoint is down.
pub(crate) fn free_addresses<const N: usize>() -> anyhow::Result<Vec<SocketAddr>> {
    let ports = testbed::free_ports::<N>().context("no free port for an ingest endpoint")?;
    Ok(ports.into_iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).collect())
}
