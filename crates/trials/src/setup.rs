//! What every process of a row is started with.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;

/// What a row needs beside the ordinary.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Settings of the processes, as variables.
    pub variables: Vec<(String, String)>,
    /// The fault point of the workers; see `Stage::points`.
    pub point: Option<&'static str>,
}

/// Settings of every process: retries are quick, so that a row ends while somebody waits for it.
pub(crate) fn settings() -> Vec<(String, String)> {
    let setting = |key: &str, value: &str| (format!("REFERSION_DESTINATION__{key}"), value.to_owned());
    vec![
        setting("HEALTH__LISTEN", "127.0.0.1:0"),
        setting("RETRY__INITIAL", "200ms"),
        setting("RETRY__MAX_INTERVAL", "3s"),
        setting("BREAKER__FAILURES", "6"),
        setting("LOG__LEVEL", "info"),
    ]
}

/// Addresses that were free a moment ago.
pub(crate) fn free_addresses(number: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let listeners: Vec<TcpListener> = (0..number)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()
        .context("no free port for a door")?;
    Ok(listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}
