//! Starts the HTTP API for operators.

use std::net::SocketAddr;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::listeners::Bound;
use crate::api;
use crate::config::Config;
use crate::engines::awaited::Awaited;
use crate::health::Freshness;
use crate::supervise::Supervisor;

/// Serves the API on a listener that is bound already; after a failure it binds the address again. Returns the address.
pub(super) fn start(
    (listener, address): Bound,
    config: &Config,
    awaited: &Awaited,
    supervisor: &mut Supervisor,
    stop: &CancellationToken,
) -> SocketAddr {
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "the HTTP API is not on the loopback address, and speaks no TLS: tokens and personal data \
            can be read on the way unless a proxy with TLS is in front of it");
    }
    let (bound, stop) = (Mutex::new(Some(listener)), stop.clone());
    let (config, awaited) = (config.clone(), awaited.clone());
    supervisor.start("api", Freshness::WhileRunning, move |_| {
        let first = bound.lock().take();
        let (stop, config, awaited) = (stop.clone(), config.clone(), awaited.clone());
        async move {
            let listener = match first {
                Some(listener) => listener,
                None => TcpListener::bind(address).await?,
            };
            Ok(api::serve(listener, config, awaited, stop).await?)
        }
    });
    address
}
