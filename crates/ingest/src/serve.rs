//! The listener of the endpoint, with its limits.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::Request;
use listener::{Meters, Upload};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Endpoint, Limits, closed};

/// Age at which a connection is closed gracefully.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(300);

/// Time that a connection gets in addition to the deadline of a request when it has to end.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// Serves the endpoint on `listener` until `shutdown` is cancelled. Then no new connections are accepted, requests under
/// way are answered, and this returns, within the deadline of a request and a second.
///
/// # Errors
/// If a limit of connections is zero.
pub fn serve(
    listener: TcpListener,
    endpoint: Arc<Endpoint>,
    shutdown: CancellationToken,
) -> BoxFuture<'static, io::Result<()>> {
    let (limits, meters) = (of_listener(endpoint.limits()), endpoint.connection_meters());
    let handler = move |peer: IpAddr, request: Request<Upload>| {
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<_, Infallible>(endpoint.answer(peer, request).await) }
    };
    // Boxed, so that it is compiled in this crate and not in each that awaits it.
    listener::serve(listener, limits, meters, handler, shutdown).boxed()
}

/// Serves an endpoint that cannot accept events yet: it answers 503 to them until `shutdown` is cancelled.
///
/// # Errors
/// As [`serve()`].
pub fn serve_closed(
    listener: TcpListener,
    limits: &Limits,
    shutdown: CancellationToken,
) -> BoxFuture<'static, io::Result<()>> {
    let handler = |_: IpAddr, request: Request<Upload>| async move {
        Ok::<_, Infallible>(closed::answer(request).await)
    };
    listener::serve(listener, of_listener(limits), Arc::new(Meters::default()), handler, shutdown).boxed()
}

fn of_listener(limits: &Limits) -> listener::Limits {
    listener::Limits {
        max_connections: limits.max_connections,
        max_per_address: limits.max_connections_per_address,
        proxies: limits.trusted_proxies.clone(),
        header_timeout: limits.header_timeout,
        max_age: MAX_CONNECTION_AGE,
        closing_time: limits.deadline + CLOSING_TIME,
    }
}
